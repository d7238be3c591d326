"""The report: one self-contained HTML page about a run and its bundle."""

from edgedf.analysis.report.page import render
from edgedf.analysis.report.sources import Sources, gather

__all__ = ["Sources", "gather", "render"]
