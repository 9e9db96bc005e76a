"""ReverseLooker's stand-in server: searches by address, paid at their launch.

Written from the vendor's documentation alone; `docs/fidelity/reverselooker.md` says how sure each behaviour is.
"""

from connectors.sandbox.reverselooker.server import Server

__all__ = ["Server"]
