"""ContactOut's stand-in server: its 20 operations, shapes, charges and oddities.

Written from the vendor's documentation alone; `docs/fidelity/contactout.md` says how sure each behaviour is.
"""

from connectors.sandbox.contactout.server import Server

__all__ = ["Server"]
