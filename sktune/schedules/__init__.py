"""How far to train and who survives: pure rules from a history to the next actions."""

from sktune.schedules.halving import SuccessiveHalving
from sktune.schedules.plan import Plan
from sktune.schedules.ranking import best, ranked
from sktune.schedules.rungs import n_cuts

__all__ = ["Plan", "SuccessiveHalving", "best", "n_cuts", "ranked"]
