"""Advance runs: fit transformers once per fold, train networks on, score them."""

from sktune.trainers.adapt import Codec, Gate, codec_for, is_raw, trains_in_epochs
from sktune.trainers.anatomy import assembled, final_step, head_setting
from sktune.trainers.fold import FoldJob, PreparedFold, prepare
from sktune.trainers.scoring import reads_predictions_only
from sktune.trainers.setup import Setup
from sktune.trainers.solo import Advanced, AdvanceJob, advance, finished_net

__all__ = [
    "AdvanceJob",
    "Advanced",
    "Codec",
    "FoldJob",
    "Gate",
    "PreparedFold",
    "Setup",
    "advance",
    "assembled",
    "codec_for",
    "final_step",
    "finished_net",
    "head_setting",
    "is_raw",
    "prepare",
    "reads_predictions_only",
    "trains_in_epochs",
]
