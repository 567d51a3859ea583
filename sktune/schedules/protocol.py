"""What a schedule is: a rule from what has happened to what is due."""

from collections.abc import Sequence
from typing import Protocol

from sktune.candidates import Action, Advance, History
from sktune.schedules.plan import Plan


class Schedule(Protocol):
    """Decides how far to train whom."""

    @property
    def plan(self) -> Plan:
        """The rungs, before anything is trained."""

    def decide(self, history: History) -> Sequence[Action]:
        """Return what is due and has not begun; a pure function of the history.

        Nothing means that what is running must report first.
        """

    def survivors(self, history: History) -> Sequence[int]:
        """Return the candidates that may still be trained on, or be the answer."""

    def winner(self, history: History) -> Advance | None:
        """Return what trains the candidate that will be the answer unless it fails.

        None as long as that is not settled; a schedule need not say so early.
        """
