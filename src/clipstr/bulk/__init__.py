"""Bulk reading: the pictures of large tables, on Ray, in Spark, or anywhere that has Arrow.

`ReadBatch` reads batches of rows wherever somebody else holds the data. `Job` reads all of an input into
Parquet files, goes on after any end, and counts to the last row.
"""

from clipstr.bulk.batch import ReadBatch
from clipstr.bulk.columns import spark_columns
from clipstr.bulk.crews import Alone, RayCrew
from clipstr.bulk.dispatch import Progress
from clipstr.bulk.job import Account, Job

__all__ = ["Account", "Alone", "Job", "Progress", "RayCrew", "ReadBatch", "spark_columns"]
