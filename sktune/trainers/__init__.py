"""Advance runs: fit transformers once per fold, train networks on, score them."""

from sktune.trainers.adapt import Gate, is_raw, trains_in_epochs
from sktune.trainers.anatomy import assembled, head_setting
from sktune.trainers.fold import FoldJob, Part, PreparedFold, prepare
from sktune.trainers.runs import Advanced, AdvanceJob, finished_net
from sktune.trainers.scoring import ranking_metric, reads_predictions_only
from sktune.trainers.setup import Setup
from sktune.trainers.solo import advance
from sktune.trainers.trainer import SoloTrainer, StackedTrainer, Trainer

__all__ = [
    "AdvanceJob",
    "Advanced",
    "FoldJob",
    "Gate",
    "Part",
    "PreparedFold",
    "Setup",
    "SoloTrainer",
    "StackedTrainer",
    "Trainer",
    "advance",
    "assembled",
    "finished_net",
    "head_setting",
    "is_raw",
    "prepare",
    "ranking_metric",
    "reads_predictions_only",
    "trains_in_epochs",
]
