"""Salesforce's stand-in: an org with contacts, leads, accounts and users, behind REST and Bulk API 2.0."""

from connectors.sandbox.salesforce.server import Server

__all__ = ["Server"]
