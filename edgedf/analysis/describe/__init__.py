"""What is in a file: a ticket, a bundle or an artifact, as facts and tables for `edgedf show`."""

from edgedf.analysis.describe.description import Description, Table
from edgedf.analysis.describe.kinds import describe

__all__ = ["Description", "Table", "describe"]
