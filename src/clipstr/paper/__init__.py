"""The paper's tables and figures as commands: what each compares, trained, measured and shown beside it."""

from clipstr.paper.experiment import Measured, measured
from clipstr.paper.scales import SCALES, Scale, scale_named
from clipstr.paper.showing import as_json, as_markdown
from clipstr.paper.tables import TABLES, Row, Table, table_named

__all__ = [
    "SCALES",
    "TABLES",
    "Measured",
    "Row",
    "Scale",
    "Table",
    "as_json",
    "as_markdown",
    "measured",
    "scale_named",
    "table_named",
]
