"""Waterfall.io's stand-in server: launchers and finders, charges in dollars, limits and signed webhooks.

Written from the vendor's documentation alone; `docs/fidelity/waterfall_io.md` says how sure each behaviour is.
"""

from connectors.sandbox.waterfall_io.server import Server

__all__ = ["Server"]
