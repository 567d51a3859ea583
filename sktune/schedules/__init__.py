"""How far to train and who survives: pure rules from a history to the next actions."""

from sktune.schedules.halving import SuccessiveHalving
from sktune.schedules.plan import Plan
from sktune.schedules.ranking import best, ranked

__all__ = ["Plan", "SuccessiveHalving", "best", "ranked"]
