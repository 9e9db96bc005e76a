"""syncd keeps a CRM's contacts enriched within credit budgets."""

__version__ = "0.1.0"
