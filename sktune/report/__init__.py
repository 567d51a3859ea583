"""Results as data; needs neither torch nor scikit-learn."""

from sktune.report.table import write_csv

__all__ = ["write_csv"]
