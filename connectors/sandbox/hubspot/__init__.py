"""HubSpot's stand-in, written from its documents and recorded answers: docs/fidelity/hubspot.md labels each."""

from connectors.sandbox.hubspot.server import Server

__all__ = ["Server"]
