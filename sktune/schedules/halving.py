"""Successive halving: train all a little, keep the best 1/factor, train those on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sktune.candidates import Action, Advance, History, Propose, RungKey, Stop
from sktune.schedules.plan import Plan
from sktune.schedules.ranking import ranked
from sktune.schedules.rungs import aggressive_counts, all_folds, rung_counts, rung_resources

FoldRule = Callable[[int, int], tuple[int, ...]]


@dataclass(frozen=True)
class SuccessiveHalving:
    """The rule of one synchronous bracket (Jamieson and Talwalkar, AISTATS 2016).

    A candidate that fails at a rung is out, and the next in rank takes its place there: the last
    rung is filled while there is anyone left.

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
        """Return all that is due and has not begun; a pure function of the history.

        The place of a candidate that failed is filled by the next in rank when all that has begun
        has reported, so that it does not matter in which order that happens.
        """
        begun = history.in_bracket(self.bracket)
        if len(begun) < self.counts[0] and not history.exhausted:
            return [Propose(self.counts[0] - len(begun), self.bracket)]
        first = [RungKey(c, self.bracket, 0) for c in begun]
        if not all(map(history.is_complete, first)):
            return [self._advance(place) for place in first if not history.is_begun(place)]
        if history.n_running(self.bracket):
            return []
        return list(self._promotions(history)) or [Stop("finished")]

    def survivors(self, history: History) -> Sequence[int]:
        """Return who has reached the last rung when it is full, else all that have not failed.

        Until then each may be called to fill the place of one that fails.
        """
        last = history.standings(self.bracket, len(self.counts) - 1)
        if len(last) >= self.counts[-1]:
            return [standing.candidate_id for standing in last]
        return [c for c in history.in_bracket(self.bracket) if not history.has_failed(c)]

    def winner(self, history: History) -> Advance | None:
        """Return who goes to the last rung, if that is one candidate."""
        last = len(self.counts) - 1
        places = (RungKey(c, self.bracket, last) for c in history.in_bracket(self.bracket))
        alive = [p for p in places if history.is_begun(p) and not history.has_failed(p[0])]
        return self._advance(alive[0]) if self.counts[-1] == 1 and alive else None

    def _promotions(self, history: History) -> Iterator[Advance]:
        """Yield who fills the lowest rung that has free places and candidates for them."""
        for rung, wanted in enumerate(self._wanted(history)[1:], start=1):
            n_free = max(0, wanted - len(history.standings(self.bracket, rung)))
            order = ranked(history.standings(self.bracket, rung - 1))
            above = [RungKey(standing.candidate_id, self.bracket, rung) for standing in order]
            chosen = sorted([place for place in above if not history.is_begun(place)][:n_free])
            if chosen:
                yield from map(self._advance, chosen)
                return

    def _wanted(self, history: History) -> list[int]:
        """Return how many candidates must reach each rung without failure.

        That is its count, and more if so many failed at the rung above that more must come up.
        """
        wanted = list(self.counts)
        for rung in reversed(range(1, len(wanted))):
            reached = history.reached(self.bracket, rung)
            n_failed = len(reached) - len(history.standings(self.bracket, rung))
            wanted[rung - 1] = max(wanted[rung - 1], wanted[rung] + n_failed)
        return wanted

    def _advance(self, place: RungKey) -> Advance:
        return Advance(*place, self.rungs[place.rung], self.folds[place.rung])
