"""Metrics in Prometheus' terms. Names and labels are promises: docs/metrics.md lists them all."""

from syncd.metrics.catalogue import CATALOGUE, Family
from syncd.metrics.exporter import Metrics

__all__ = ["CATALOGUE", "Family", "Metrics"]
