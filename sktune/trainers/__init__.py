"""Advance runs: fit transformers once per fold, train networks on, score them."""

from sktune.trainers.adapt import is_raw, trains_in_epochs
from sktune.trainers.anatomy import head_setting
from sktune.trainers.continuing import refusal
from sktune.trainers.devices import lack_of
from sktune.trainers.estimators import PassTrainer, RefitTrainer, SampleTrainer
from sktune.trainers.files import shared_paths
from sktune.trainers.first_step import refuse_missing, refuse_untrainable
from sktune.trainers.fold import FoldJob, Part, PreparedFold
from sktune.trainers.objections import data_objections, setting_objections
from sktune.trainers.resampling import untraced_parameters
from sktune.trainers.runs import Advanced, AdvanceJob
from sktune.trainers.scoring import as_score, ranking_metric, reads_predictions_only
from sktune.trainers.setup import Setup
from sktune.trainers.target_steps import transforms_targets
from sktune.trainers.targets import class_labels
from sktune.trainers.threads import threads_of_refit
from sktune.trainers.trainer import SoloTrainer, StackedTrainer, Trainer

__all__ = [
    "AdvanceJob",
    "Advanced",
    "FoldJob",
    "Part",
    "PassTrainer",
    "PreparedFold",
    "RefitTrainer",
    "SampleTrainer",
    "Setup",
    "SoloTrainer",
    "StackedTrainer",
    "Trainer",
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
