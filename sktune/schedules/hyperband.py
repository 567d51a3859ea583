"""Hyperband: several brackets of halving, from many candidates trained little to few trained long.

Brackets are run side by side when candidates are drawn blindly, so that one bracket's last
networks train beside another's first. When the sampler learns from results they are run in turn,
so that each bracket draws on all before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sktune.candidates import Action, Advance, History, Stop
from sktune.schedules.halving import FoldRule, SuccessiveHalving
from sktune.schedules.plan import Plan
from sktune.schedules.rungs import all_folds, divided, floor_counts, rung_levels


def hyperband_brackets(
    *,
    factor: int,
    min_resources: int,
    max_resources: int,
    n_folds: int,
    n_iterations: int = 1,
    n_available: int | None = None,
    fold_rule: FoldRule = all_folds,
) -> tuple[SuccessiveHalving, ...]:
    """Return the brackets of Li et al., *Hyperband*, JMLR 2018, the most aggressive first.

    A bracket that cuts s times starts with ``ceil((s_max + 1) * factor**s / (s + 1))`` candidates
    and keeps ``floor(n / factor**i)`` at its rung i: the paper's rounding, which gives the table
    of the paper, and not that of :class:`SuccessiveHalving`, which rounds up as scikit-learn does.

    Parameters
    ----------
    n_iterations : int, default=1
        How often all brackets are gone through.
    n_available : int or None, default=None
        Candidates that there are in all; later brackets get what is left.

    Examples
    --------
    >>> brackets = hyperband_brackets(factor=3, min_resources=1, max_resources=81, n_folds=5)
    >>> [(bracket.counts, bracket.rungs) for bracket in brackets][:2]
    [((81, 27, 9, 3, 1), (1, 3, 9, 27, 81)), ((34, 11, 3, 1), (3, 9, 27, 81))]
    """
    levels = rung_levels(factor, min_resources, max_resources)
    most_cuts = len(levels) - 1
    brackets: list[SuccessiveHalving] = []
    for cuts in list(reversed(range(most_cuts + 1))) * n_iterations:
        n_candidates = divided((most_cuts + 1) * factor**cuts, cuts + 1)
        if n_available is not None:
            n_candidates = min(n_candidates, n_available)
            n_available -= n_candidates
        if n_candidates:
            rungs = levels[-1 - cuts :]
            counts = floor_counts(n_candidates, factor, len(rungs))
            folds = fold_rule(n_folds, len(rungs))
            brackets.append(SuccessiveHalving(counts, rungs, folds, len(brackets)))
    return tuple(brackets)


@dataclass(frozen=True)
class SideBySide:
    """Brackets that are run at the same time.

    Parameters
    ----------
    brackets : tuple of SuccessiveHalving
        Numbered 0, 1, 2, ...

    Examples
    --------
    >>> from sktune.candidates import History
    >>> brackets = hyperband_brackets(factor=3, min_resources=1, max_resources=3, n_folds=5)
    >>> SideBySide(brackets).decide(History())
    [Propose(n_candidates=3, bracket=0), Propose(n_candidates=2, bracket=1)]
    """

    brackets: tuple[SuccessiveHalving, ...]

    @property
    def plan(self) -> Plan:
        """The rungs of all brackets."""
        if any(bracket.grows for bracket in self.brackets):
            return Plan.joined(bracket.plan_over_folds() for bracket in self.brackets)
        return Plan.joined(bracket.plan for bracket in self.brackets)

    def decide(self, history: History) -> list[Action]:
        """Return what is due in every bracket."""
        found = [bracket.decide(history) for bracket in self.brackets]
        if all(map(is_over, found)):
            return [Stop("finished")]
        return [action for due in found if not is_over(due) for action in due]

    def survivors(self, history: History) -> Sequence[int]:
        """Return the candidates that no bracket has eliminated."""
        return [c for bracket in self.brackets for c in bracket.survivors(history)]

    def winner(self, history: History) -> Advance | None:
        """Return who wins the only bracket; of several, the best is known at the end."""
        return self.brackets[0].winner(history) if len(self.brackets) == 1 else None


@dataclass(frozen=True)
class InTurn(SideBySide):
    """Brackets that are run one after the other.

    Examples
    --------
    >>> from sktune.candidates import History
    >>> brackets = hyperband_brackets(factor=3, min_resources=1, max_resources=3, n_folds=5)
    >>> InTurn(brackets).decide(History())
    [Propose(n_candidates=3, bracket=0)]
    """

    def decide(self, history: History) -> list[Action]:
        """Return what is due in the first bracket that is not finished."""
        for bracket in self.brackets:
            due = bracket.decide(history)
            if not is_over(due):
                return due
        return [Stop("finished")]


def is_over(due: Sequence[Action]) -> bool:
    """Whether a bracket says that it is finished."""
    return any(isinstance(action, Stop) for action in due)
