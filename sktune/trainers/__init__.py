"""Advance runs: fit transformers once per fold, train networks on, score them."""

from sktune.trainers.adapt import Gate, is_raw, trains_in_epochs
from sktune.trainers.anatomy import head_setting
from sktune.trainers.estimators import PassTrainer, RefitTrainer, SampleTrainer
from sktune.trainers.fold import FoldJob, Part, PreparedFold
from sktune.trainers.runs import Advanced, AdvanceJob
from sktune.trainers.scoring import ranking_metric, reads_predictions_only
from sktune.trainers.setup import Setup
from sktune.trainers.trainer import SoloTrainer, StackedTrainer, Trainer

__all__ = [
    "AdvanceJob",
    "Advanced",
    "FoldJob",
    "Gate",
    "Part",
    "PassTrainer",
    "PreparedFold",
    "RefitTrainer",
    "SampleTrainer",
    "Setup",
    "SoloTrainer",
    "StackedTrainer",
    "Trainer",
    "head_setting",
    "is_raw",
    "ranking_metric",
    "reads_predictions_only",
    "trains_in_epochs",
]
