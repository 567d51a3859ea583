"""Asynchronous successive halving: whoever is free gets the best thing to do, and nobody waits."""

import heapq
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sktune.candidates import Action, Advance, History, Propose, RungKey, Stop
from sktune.schedules.plan import Plan
from sktune.schedules.ranking import Key, best, key_of
from sktune.schedules.rungs import floor_counts


@dataclass(frozen=True)
class AsyncHalving:
    """ASHA with promotion (Li et al., *Massively parallel hyperparameter tuning*, MLSys 2020).

    Each decision is for one free worker: promote a candidate that is among the best 1/``factor``
    of its rung, the highest rung first; else begin the next candidate. A candidate that fails is
    out, and the next in rank may be promoted in its place. When nothing else is left to do, the
    best is trained on until one has reached the last rung.

    Parameters
    ----------
    rungs : tuple of int
        Resource of each rung, strictly increasing.
    factor : int
        One candidate in ``factor`` is promoted.
    n_candidates : int or None
        How many candidates are begun; None for no end.
    n_folds : int
        Runs of each candidate.

    Examples
    --------
    >>> from sktune.candidates import History
    >>> AsyncHalving((1, 3, 9), factor=3, n_candidates=9, n_folds=5).decide(History())
    [Propose(n_candidates=1, bracket=0)]
    """

    rungs: tuple[int, ...]
    factor: int
    n_candidates: int | None
    n_folds: int
    _ladders: "WeakKeyDictionary[History, _Ladder]" = field(
        default_factory=WeakKeyDictionary, compare=False, repr=False
    )

    @property
    def plan(self) -> Plan:
        """The rungs, with the candidates that they have when nobody is promoted too early."""
        if self.n_candidates is None:
            return Plan.endless(self.rungs)
        counts = floor_counts(self.n_candidates, self.factor, len(self.rungs))
        return Plan.of(counts, self.rungs)

    def decide(self, history: History) -> list[Action]:
        """Return the next thing to do, nothing if all that is left waits for results."""
        ladder = self._ladder(history)
        place = ladder.promotion(history, self.factor) or ladder.beginning(history)
        if place is not None:
            return [self._advance(place)]
        n_known = len(history.candidates)
        if not history.exhausted and (self.n_candidates is None or n_known < self.n_candidates):
            return [Propose(1)]
        return self._ending(history) if history.is_idle else []

    def _ending(self, history: History) -> list[Action]:
        """Return what is due when nobody is among the best of a rung, and nothing is running."""
        leader = best(history)
        if leader is None or leader.rung == len(self.rungs) - 1:
            return [Stop("finished")]
        return [self._advance(_above(leader))]

    def survivors(self, history: History) -> Sequence[int]:
        """Return all candidates that have not failed: each may be promoted later."""
        return [c for c in range(len(history.candidates)) if not history.has_failed(c)]

    def winner(self, history: History) -> Advance | None:
        """Return None: until the end, another candidate may reach the last rung."""
        return None

    def _advance(self, place: RungKey) -> Advance:
        return Advance(*place, self.rungs[place.rung], self.n_folds)

    def _ladder(self, history: History) -> "_Ladder":
        # What a history says of the rungs, kept from decision to decision: reading it from the
        # start would take longer and longer.
        if history not in self._ladders:
            self._ladders[history] = _Ladder(len(self.rungs))
        ladder = self._ladders[history]
        ladder.read(history)
        return ladder


class _Entry(NamedTuple):
    key: Key
    place: RungKey


class _Ladder:
    """The rungs of a history, read as far as it goes."""

    def __init__(self, n_rungs: int) -> None:
        self._n_read = 0
        self._n_begun = 0
        self._rungs = [_Rung() for _ in range(n_rungs)]

    def read(self, history: History) -> None:
        """Take note of the candidates that have reached a rung since the last reading."""
        for place in history.completed[self._n_read :]:
            standing = history.standing(place)
            if standing is not None:
                self._rungs[place.rung].add(_Entry(key_of(standing), place))
            elif place.rung:
                self._rungs[place.rung - 1].free_place_of(place.candidate_id)
            else:
                self._rungs[0].n_complete += 1
        self._n_read = len(history.completed)

    def promotion(self, history: History, factor: int) -> RungKey | None:
        """Return the candidate to promote and where to, the highest rung first."""
        for rung in reversed(self._rungs[:-1]):
            first = rung.best_unpromoted(history)
            if first is not None and rung.place_of(first.key) < rung.n_complete // factor:
                return _above(first.place)
        return None

    def beginning(self, history: History) -> RungKey | None:
        """Return the first candidate that has not begun."""
        while self._n_begun < len(history.candidates):
            place = RungKey(self._n_begun, 0, 0)
            if not history.is_begun(place):
                return place
            self._n_begun += 1
        return None


class _Rung:
    """Who has reached a rung, best first, and who of them has not gone on.

    ``n_complete`` counts those that have failed at the first rung too, but not at others, where
    their places are filled.
    """

    def __init__(self) -> None:
        self.n_complete = 0
        self._keys: list[Key] = []
        self._unpromoted: list[_Entry] = []

    def add(self, entry: _Entry) -> None:
        self.n_complete += 1
        insort(self._keys, entry.key)
        heapq.heappush(self._unpromoted, entry)

    def free_place_of(self, candidate_id: int) -> None:
        """Let the next in rank have the place of a candidate that was promoted and failed."""
        self._keys = [key for key in self._keys if key.candidate_id != candidate_id]

    def best_unpromoted(self, history: History) -> _Entry | None:
        while self._unpromoted and history.is_begun(_above(self._unpromoted[0].place)):
            heapq.heappop(self._unpromoted)
        return self._unpromoted[0] if self._unpromoted else None

    def place_of(self, key: Key) -> int:
        """Return how many candidates of the rung are better."""
        return bisect_left(self._keys, key)


def _above(place: RungKey) -> RungKey:
    return RungKey(place.candidate_id, place.bracket, place.rung + 1)
