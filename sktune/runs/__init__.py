"""One run: its data prepared, begun, advanced alone by skorch, frozen, thawed and scored."""

from sktune.runs.adapt import is_raw, trains_in_epochs
from sktune.runs.anatomy import head_setting
from sktune.runs.continuing import refusal
from sktune.runs.devices import lack_of
from sktune.runs.files import shared_paths
from sktune.runs.first_step import refuse_missing, refuse_untrainable
from sktune.runs.fold import FoldJob, Part, PreparedFold
from sktune.runs.objections import data_objections, setting_objections
from sktune.runs.resampling import untraced_parameters
from sktune.runs.run import Advanced, AdvanceJob
from sktune.runs.scoring import as_score, ranking_metric, reads_predictions_only
from sktune.runs.setup import Setup
from sktune.runs.target_steps import transforms_targets
from sktune.runs.targets import class_labels
from sktune.runs.threads import threads_of_refit

__all__ = [
    "AdvanceJob",
    "Advanced",
    "FoldJob",
    "Part",
    "PreparedFold",
    "Setup",
    "as_score",
    "class_labels",
    "data_objections",
    "head_setting",
    "is_raw",
    "lack_of",
    "ranking_metric",
    "reads_predictions_only",
    "refusal",
    "refuse_missing",
    "refuse_untrainable",
    "setting_objections",
    "shared_paths",
    "threads_of_refit",
    "trains_in_epochs",
    "transforms_targets",
    "untraced_parameters",
]
