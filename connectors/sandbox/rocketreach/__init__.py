"""RocketReach's stand-in server: both API families, their shapes, charges, limits and oddities.

Written from the vendor's documentation alone; `docs/fidelity/rocketreach.md` says how sure each behaviour is.
"""

from connectors.sandbox.rocketreach.server import Server

__all__ = ["Server"]
