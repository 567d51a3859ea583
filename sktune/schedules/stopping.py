"""Reasons to stop early, each around a schedule and as pure as it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from sktune.candidates import Action, Advance, History, Stop
from sktune.schedules.hyperband import InTurn, is_over
from sktune.schedules.plan import Plan
from sktune.schedules.protocol import Schedule


class _Peak:
    """The best score at the last rung, and how many candidates have begun to count since."""

    def __init__(self) -> None:
        self.score = -float("inf")
        self.n_since = 0
        self._n_read = 0

    def read(self, history: History, n_resources: int) -> None:
        """Take note of what is new in the history."""
        for place in history.completed[self._n_read :]:
            self.n_since += place.rung == 0
            standing = history.standing(place)
            is_full = history.n_resources(place.bracket, place.rung) == n_resources
            if is_full and standing is not None and standing.score > self.score:
                self.score, self.n_since = standing.score, 0
        self._n_read = len(history.completed)


@dataclass(frozen=True)
class _Watched:
    """A schedule that is watched for a reason to stop."""

    schedule: Schedule
    # What is known of a history is kept, so that decisions do not take longer and longer.
    _peaks: "WeakKeyDictionary[History, _Peak]" = field(
        default_factory=WeakKeyDictionary, init=False, compare=False, repr=False
    )

    @property
    def plan(self) -> Plan:
        """The rungs, if there is no reason to stop."""
        return self.schedule.plan

    def survivors(self, history: History) -> Sequence[int]:
        """Return those of the schedule."""
        return self.schedule.survivors(history)

    def winner(self, history: History) -> Advance | None:
        """Return that of the schedule."""
        return self.schedule.winner(history)

    def _peak(self, history: History) -> _Peak:
        peak = self._peaks.setdefault(history, _Peak())
        peak.read(history, max(row["n_resources"] for row in self.plan))
        return peak


@dataclass(frozen=True)
class TargetScore(_Watched):
    """Stops when a candidate with all resources reaches a score.

    Parameters
    ----------
    schedule : Schedule
        What goes on until then.
    target : float
        The mean score over the folds that is good enough.

    Examples
    --------
    >>> from sktune.candidates import History
    >>> from sktune.schedules import SuccessiveHalving
    >>> rule = SuccessiveHalving.of(3, factor=3, min_resources=1, max_resources=3, n_folds=2)
    >>> TargetScore(rule, 0.9).decide(History())
    [Propose(n_candidates=3, bracket=0)]
    """

    target: float

    def decide(self, history: History) -> Sequence[Action]:
        """Stop if the score is reached, else do what the schedule says."""
        is_reached = self._peak(history).score >= self.target
        return [Stop("target_score")] if is_reached else self.schedule.decide(history)


@dataclass(frozen=True)
class Patience(_Watched):
    """Stops when many candidates in a row have led to nothing better at all resources.

    Parameters
    ----------
    schedule : Schedule
        What goes on until then.
    n_candidates : int
        So many reach their first rung without an improvement at the last.
    """

    n_candidates: int

    def decide(self, history: History) -> Sequence[Action]:
        """Stop if nothing better came, else do what the schedule says."""
        is_used_up = self._peak(history).n_since >= self.n_candidates
        return [Stop("patience")] if is_used_up else self.schedule.decide(history)


@dataclass(frozen=True)
class BracketPatience(InTurn):
    """Brackets in turn, until several in a row have brought nothing better at all resources.

    Parameters
    ----------
    brackets : tuple of SuccessiveHalving
        Numbered 0, 1, 2, ...
    n_brackets : int
        So many bring no improvement.
    """

    n_brackets: int

    def decide(self, history: History) -> list[Action]:
        """Stop if nothing better came, else do what is due in the first unfinished bracket."""
        tops = self._tops(history)
        earlier, latest = tops[: -self.n_brackets], tops[-self.n_brackets :]
        if earlier and max(latest) <= max(earlier):
            return [Stop("patience")]
        return super().decide(history)

    def _tops(self, history: History) -> list[float]:
        """Return the best score of each bracket that is finished."""
        tops = []
        for bracket in self.brackets:
            if not is_over(bracket.decide(history)):
                break
            standings = history.standings(bracket.bracket, len(bracket.rungs) - 1)
            tops.append(max((s.score for s in standings), default=-float("inf")))
        return tops
