"""The shared words as small values: candidates, runs, reports, failures, history, and actions."""

import hashlib
import math
import pickle
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

Params = Mapping[str, Any]
Status = Literal["ok", "diverged", "failed"]


@dataclass(frozen=True)
class Candidate:
    """One setting of the hyperparameters."""

    candidate_id: int
    params: Params
    bracket: int = 0


class Run(NamedTuple):
    """One candidate on one fold: a network in training."""

    candidate_id: int
    fold: int


@dataclass(frozen=True)
class Report:
    """What was measured when a run reached a rung.

    ``score`` is what rungs are ranked by (greater is better), ``n_parameters`` the number of
    trained weights, the times are seconds spent since the rung before. ``stack_size`` is the
    number of networks it was trained with, itself included, and ``solo_reason`` says why if it
    was trained alone.
    """

    candidate_id: int
    fold: int
    bracket: int
    rung: int
    n_resources: int
    score: float
    scores: Mapping[str, float]
    train_scores: Mapping[str, float]
    n_parameters: int
    fit_time: float
    score_time: float
    status: Status = "ok"
    error: str = ""
    stack_size: int = 1
    solo_reason: str = ""

    @property
    def run(self) -> Run:
        """The run that is reported."""
        return Run(self.candidate_id, self.fold)


@dataclass(frozen=True)
class Standing:
    """A candidate at a rung, over its folds: mean score and cost (weights of a network)."""

    candidate_id: int
    score: float
    cost: int


class History:
    """Everything a search has proposed and measured, in order; it only ever grows."""

    def __init__(self) -> None:
        self.candidates: list[Candidate] = []
        self.reports: list[Report] = []
        self.exhausted = False  # whether the sampler had fewer candidates than were asked for
        self._rungs: dict[tuple[int, int], dict[int, dict[int, Report]]] = {}

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)

    def propose(self, params: Params, bracket: int) -> Candidate:
        """Give the next candidate its number and record it."""
        candidate = Candidate(len(self.candidates), params, bracket)
        self.candidates.append(candidate)
        return candidate

    def add(self, report: Report) -> None:
        """Record what a run reported."""
        self.reports.append(report)
        rung = self._rungs.setdefault((report.bracket, report.rung), {})
        rung.setdefault(report.candidate_id, {})[report.fold] = report

    def folds(self, candidate_id: int, bracket: int, rung: int) -> Mapping[int, Report]:
        """Return the reports of a candidate at a rung, by fold."""
        return self._rungs.get((bracket, rung), {}).get(candidate_id, {})

    def rungs(self) -> list[tuple[int, int]]:
        """Return the (bracket, rung) pairs that have a report, in order."""
        return sorted(self._rungs)

    def reached(self, bracket: int, rung: int) -> list[int]:
        """Return the ids of the candidates that have a report at a rung, in order."""
        return sorted(self._rungs.get((bracket, rung), {}))

    def standings(self, bracket: int, rung: int) -> list[Standing]:
        """Return the candidates of a rung whose every run so far is finite."""
        found = (self._standing(c, bracket, rung) for c in self.reached(bracket, rung))
        return [standing for standing in found if standing is not None]

    def _standing(self, candidate_id: int, bracket: int, rung: int) -> Standing | None:
        reports = self.folds(candidate_id, bracket, rung).values()
        if any(report.status != "ok" for report in reports):
            return None
        # fsum is exact, so the order in which results came back cannot show in the mean.
        score = math.fsum(report.score for report in reports) / len(reports)
        return Standing(candidate_id, score, max(report.n_parameters for report in reports))


@dataclass(frozen=True)
class Failure:
    """Work that raised: the error, its reason in one line, its traceback, seconds it took."""

    error: Exception
    reason: str
    details: str
    seconds: float

    @classmethod
    def of(cls, error: Exception, seconds: float) -> Self:
        """Return the failure that an error means.

        >>> Failure.of(ValueError("no way"), 0.1).reason
        'ValueError: no way'
        """
        details = "".join(traceback.format_exception(error))
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return cls(_portable(error, details), reason, details, seconds)


def _portable(error: Exception, details: str) -> Exception:
    """Return the error if it survives the way to another process, else its text."""
    # A traceback keeps every frame's data alive, and its text is already in the details.
    error = error.with_traceback(None)
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:  # whatever a foreign exception does when it is pickled
        copy = None
    return error if type(copy) is type(error) else RuntimeError(details)


@dataclass(frozen=True)
class Propose:
    """Ask the sampler for candidates."""

    n_candidates: int
    bracket: int = 0


@dataclass(frozen=True)
class Advance:
    """Train a candidate, on every fold that has not reported yet, up to a rung."""

    candidate_id: int
    bracket: int
    rung: int
    n_resources: int


@dataclass(frozen=True)
class Stop:
    """End the search."""

    reason: str


Action = Propose | Advance | Stop


@dataclass(frozen=True)
class Seeds:
    """The source of every random draw of a search.

    Each draw has a seed of its own, derived from the root, the purpose and the numbers of
    candidate and fold, so that no draw depends on how many came before it.

    >>> seeds = Seeds(0)
    >>> seeds.derive("train", 3, 1) == seeds.derive("train", 3, 1)
    True
    >>> seeds.derive("train", 3, 1) == seeds.derive("train", 1, 3)
    False
    """

    root: int

    def derive(self, purpose: str, *numbers: int) -> int:
        """Return a seed between 0 and 2**32 - 1."""
        words = ":".join([str(self.root), purpose, *map(str, numbers)])
        return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "big")
