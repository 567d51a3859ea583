"""Successive halving: train all a little, keep the best 1/factor, train those on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sktune.candidates import Action, Advance, History, Place, Propose, Stop
from sktune.schedules.plan import Plan
from sktune.schedules.ranking import ranked
from sktune.schedules.rungs import aggressive_counts, all_folds, rung_counts, rung_resources

FoldRule = Callable[[int, int], tuple[int, ...]]


@dataclass(frozen=True)
class SuccessiveHalving:
    """The rule of one synchronous bracket (Jamieson and Talwalkar, AISTATS 2016).

    Parameters
    ----------
    counts : tuple of int
        Candidates that start each rung.
    rungs : tuple of int
        Resource of each rung, strictly increasing.
    folds : tuple of int
        Folds of each rung, never decreasing.
    bracket : int, default=0
        Number of the bracket.

    Examples
    --------
    >>> from sktune.candidates import History
    >>> halving = SuccessiveHalving.of(9, factor=3, min_resources=1, max_resources=9, n_folds=5)
    >>> halving.counts, halving.rungs
    ((9, 3, 1), (1, 3, 9))
    >>> halving.decide(History())
    [Propose(n_candidates=9, bracket=0)]
    """

    counts: tuple[int, ...]
    rungs: tuple[int, ...]
    folds: tuple[int, ...]
    bracket: int = 0

    @classmethod
    def of(
        cls,
        n_candidates: int,
        *,
        factor: int,
        min_resources: int,
        max_resources: int,
        n_folds: int,
        aggressive_elimination: bool = False,
        fold_rule: FoldRule = all_folds,
    ) -> "SuccessiveHalving":
        """Lay the rungs out for a number of candidates."""
        rungs = rung_resources(n_candidates, factor, min_resources, max_resources)
        counts = aggressive_counts if aggressive_elimination else rung_counts
        found = counts(n_candidates, factor, len(rungs))
        return cls(found, rungs, fold_rule(n_folds, len(rungs)))

    @property
    def plan(self) -> Plan:
        """The rungs, before anything is trained."""
        if self.grows:
            return self.plan_over_folds()
        return Plan.of(self.counts, self.rungs, self.bracket)

    @property
    def grows(self) -> bool:
        """Whether rungs differ in their folds."""
        return len(set(self.folds)) > 1

    def plan_over_folds(self) -> Plan:
        """Return the rungs with their folds."""
        return Plan.growing(self.counts, self.rungs, self.folds, self.bracket)

    def decide(self, history: History) -> list[Action]:
        """Return all that is due and has not begun; a pure function of the history."""
        alive = history.in_bracket(self.bracket)
        if len(alive) < self.counts[0] and not history.exhausted:
            return [Propose(self.counts[0] - len(alive), self.bracket)]
        for rung, keep in enumerate(self.counts):
            if rung:
                alive = self._promoted(history, rung - 1, keep)
            places = [Place(c, self.bracket, rung) for c in alive]
            if not all(map(history.is_complete, places)):
                return [self._advance(place) for place in places if not history.is_begun(place)]
        return [Stop("finished")]

    def survivors(self, history: History) -> Sequence[int]:
        """Return the candidates that have not been eliminated."""
        alive = history.in_bracket(self.bracket)
        for rung, keep in enumerate(self.counts[1:]):
            if not all(history.is_complete(Place(c, self.bracket, rung)) for c in alive):
                break
            alive = self._promoted(history, rung, keep)
        return alive

    def _promoted(self, history: History, rung: int, keep: int) -> list[int]:
        order = ranked(history.standings(self.bracket, rung))
        return sorted(standing.candidate_id for standing in order[:keep])

    def _advance(self, place: Place) -> Advance:
        return Advance(*place, self.rungs[place.rung], self.folds[place.rung])
