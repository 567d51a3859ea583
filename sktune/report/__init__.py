"""Results as data, then as pictures; needs neither torch nor scikit-learn."""

from sktune.report.anytime_display import AnytimeDisplay
from sktune.report.data import SearchData
from sktune.report.export import export
from sktune.report.html_report import write_report
from sktune.report.hyperparameter_display import HyperparametersDisplay
from sktune.report.importances import importances
from sktune.report.importances_display import ImportancesDisplay
from sktune.report.learning_curves import LearningCurvesDisplay
from sktune.report.notebook import notebook_html
from sktune.report.optimism import Optimism, optimism
from sktune.report.parallel_display import ParallelCoordinatesDisplay
from sktune.report.rung_display import RungsDisplay
from sktune.report.sensitivity import sensitivity
from sktune.report.storage import read_storage, storage_summary
from sktune.report.table import write_csv
from sktune.report.tables import results, stacking
from sktune.report.watching import watch

__all__ = [
    "AnytimeDisplay",
    "HyperparametersDisplay",
    "ImportancesDisplay",
    "LearningCurvesDisplay",
    "Optimism",
    "ParallelCoordinatesDisplay",
    "RungsDisplay",
    "SearchData",
    "export",
    "importances",
    "notebook_html",
    "optimism",
    "read_storage",
    "results",
    "sensitivity",
    "stacking",
    "watch",
    "storage_summary",
    "write_csv",
    "write_report",
]
