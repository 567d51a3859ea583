"""Successive halving: train all a little, keep the best 1/factor, train those on."""

from dataclasses import dataclass

from sktune.candidates import Action, Advance, History, Propose, Stop
from sktune.schedules.plan import Plan
from sktune.schedules.ranking import ranked
from sktune.schedules.rungs import aggressive_counts, rung_counts, rung_resources


@dataclass(frozen=True)
class SuccessiveHalving:
    """The rule of one synchronous bracket (Jamieson and Talwalkar, AISTATS 2016).

    Parameters
    ----------
    counts : tuple of int
        Candidates that start each rung.
    rungs : tuple of int
        Resource of each rung, strictly increasing.
    n_folds : int
        Runs of each candidate.
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
    n_folds: int
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
    ) -> "SuccessiveHalving":
        """Lay the rungs out for a number of candidates."""
        rungs = rung_resources(n_candidates, factor, min_resources, max_resources)
        counts = aggressive_counts if aggressive_elimination else rung_counts
        return cls(counts(n_candidates, factor, len(rungs)), rungs, n_folds)

    @property
    def plan(self) -> Plan:
        """The rungs, before anything is trained."""
        return Plan(self.counts, self.rungs, self.bracket)

    def decide(self, history: History) -> list[Action]:
        """Return all that is due and not yet reported; a pure function of the history."""
        alive = [c.candidate_id for c in history.candidates if c.bracket == self.bracket]
        if len(alive) < self.counts[0] and not history.exhausted:
            return [Propose(self.counts[0] - len(alive), self.bracket)]
        for rung, keep in enumerate(self.counts):
            if rung:
                alive = self._promoted(history, rung - 1, keep)
            due = [c for c in alive if self._is_due(history, c, rung)]
            if due:
                return [Advance(c, self.bracket, rung, self.rungs[rung]) for c in due]
        return [Stop("finished")]

    def _promoted(self, history: History, rung: int, keep: int) -> list[int]:
        order = ranked(history.standings(self.bracket, rung))
        return sorted(standing.candidate_id for standing in order[:keep])

    def _is_due(self, history: History, candidate_id: int, rung: int) -> bool:
        return len(history.folds(candidate_id, self.bracket, rung)) < self.n_folds
