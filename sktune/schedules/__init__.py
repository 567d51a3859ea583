"""How far to train and who survives: pure rules from a history to the next actions."""

from sktune.schedules.asynchronous import AsyncHalving
from sktune.schedules.halving import FoldRule, SuccessiveHalving
from sktune.schedules.hyperband import InTurn, SideBySide, hyperband_brackets
from sktune.schedules.plan import Plan
from sktune.schedules.protocol import Schedule
from sktune.schedules.ranking import best, in_order, ranked
from sktune.schedules.rungs import all_folds, growing_folds, n_cuts, rung_levels
from sktune.schedules.stopping import BracketPatience, Patience, TargetScore

__all__ = [
    "AsyncHalving",
    "BracketPatience",
    "FoldRule",
    "InTurn",
    "Patience",
    "Plan",
    "Schedule",
    "SideBySide",
    "SuccessiveHalving",
    "TargetScore",
    "all_folds",
    "best",
    "growing_folds",
    "hyperband_brackets",
    "in_order",
    "n_cuts",
    "ranked",
    "rung_levels",
]
