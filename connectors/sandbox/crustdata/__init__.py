"""Crustdata's stand-in server: people and companies, cached, live and in batches, with its charges.

Written from the vendor's documentation alone; `docs/fidelity/crustdata.md` says how sure each behaviour is.
"""

from connectors.sandbox.crustdata.server import Server

__all__ = ["Server"]
