"""Results as data; needs neither torch nor scikit-learn."""

from sktune.report.storage import read_storage, storage_summary
from sktune.report.table import write_csv

__all__ = ["read_storage", "storage_summary", "write_csv"]
