"""The shared words as small values: candidates, runs, reports, failures, history, and actions."""

import hashlib
import math
import pickle
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self, TypeVar

import numpy as np

Params = Mapping[str, Any]
Job = TypeVar("Job")
Result = TypeVar("Result")
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


_NO_SCORES: Mapping[str, float] = {}


class Report(NamedTuple):
    """What was measured when a run reached a rung.

    ``score`` is what rungs are ranked by (greater is better), ``n_parameters`` the number of
    trained weights, ``fit_time`` and ``score_time`` are seconds spent since the rung before, and
    ``end_time`` is when it was reported, in seconds since the search began. ``n_folds`` is the
    number of runs that the candidate has at this rung, ``stack_size`` the number of networks it was
    trained with, itself included, and ``solo_reason`` says why if it was trained alone.
    """

    candidate_id: int
    fold: int
    bracket: int
    rung: int
    n_resources: int
    score: float
    scores: Mapping[str, float] = _NO_SCORES
    train_scores: Mapping[str, float] = _NO_SCORES
    n_parameters: int = 0
    fit_time: float = 0.0
    score_time: float = 0.0
    end_time: float = 0.0
    status: Status = "ok"
    error: str = ""
    n_folds: int = 1
    stack_size: int = 1
    solo_reason: str = ""

    @property
    def run(self) -> Run:
        """The run that is reported."""
        return Run(self.candidate_id, self.fold)

    @property
    def place(self) -> "RungKey":
        """The candidate and the rung."""
        return RungKey(self.candidate_id, self.bracket, self.rung)

    def record(self) -> dict[str, Any]:
        """Return all of it but the reasons of stacking, with a name for each score."""
        first = ("candidate_id", "fold", "bracket", "rung", "n_resources")
        times = ("fit_time", "score_time", "end_time")
        last = ("n_parameters", *times, "stack_size", "status", "error")
        return {
            **{name: getattr(self, name) for name in first},
            **{f"test_{name}": score for name, score in self.scores.items()},
            **{f"train_{name}": score for name, score in self.train_scores.items()},
            **{name: getattr(self, name) for name in last},
        }


@dataclass(frozen=True)
class Standing:
    """A candidate at a rung, over its folds: mean score and cost (weights of a network)."""

    candidate_id: int
    score: float
    cost: int


class RungKey(NamedTuple):
    """A candidate at a rung."""

    candidate_id: int
    bracket: int
    rung: int


class History:
    """Everything a search has proposed, begun and measured, in order; it only ever grows.

    Attributes
    ----------
    candidates : list of Candidate
        In the order of their ids.
    reports : list of Report
        In the order in which they came.
    completed : list of RungKey
        Candidates that have reported on all folds of a rung, in order.
    exhausted : bool
        Whether the sampler had fewer candidates than were asked for.
    """

    def __init__(self) -> None:
        self.candidates: list[Candidate] = []
        self.reports: list[Report] = []
        self.completed: list[RungKey] = []
        self.exhausted = False
        self._begun: set[RungKey] = set()
        self._complete: set[RungKey] = set()
        self._n_running: Counter[int] = Counter()  # by bracket
        self._failed: set[int] = set()
        self._in_bracket: dict[int, list[int]] = {}
        self._rungs: dict[tuple[int, int], dict[int, dict[int, Report]]] = {}

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)

    def propose(self, params: Params, bracket: int) -> Candidate:
        """Give the next candidate its number and record it."""
        params = {name: _as_written(value) for name, value in params.items()}
        candidate = Candidate(len(self.candidates), params, bracket)
        self.candidates.append(candidate)
        self._in_bracket.setdefault(bracket, []).append(candidate.candidate_id)
        return candidate

    def begin(self, action: "Advance") -> None:
        """Record that a candidate is being trained up to a rung."""
        if not self.is_begun(action.place):
            self._begun.add(action.place)
            self._n_running[action.bracket] += 1

    def add(self, report: Report) -> None:
        """Record what a run reported."""
        self.reports.append(report)
        if report.status != "ok":
            self._failed.add(report.candidate_id)
        place = report.place
        rung = self._rungs.setdefault((place.bracket, place.rung), {})
        folds = rung.setdefault(place.candidate_id, {})
        folds[report.fold] = report
        if len(folds) == report.n_folds and place not in self._complete:
            self._complete.add(place)
            self.completed.append(place)
            self._n_running[place.bracket] -= place in self._begun

    def in_bracket(self, bracket: int) -> Sequence[int]:
        """Return the ids of the candidates of a bracket, in order."""
        return self._in_bracket.get(bracket, [])

    def is_complete(self, place: RungKey) -> bool:
        """Whether a candidate has reported on all folds of a rung."""
        return place in self._complete

    def is_begun(self, place: RungKey) -> bool:
        """Whether a candidate is being trained up to a rung, or has been."""
        return place in self._begun or place in self._complete

    def has_failed(self, candidate_id: int) -> bool:
        """Whether a run of a candidate has failed, at any rung: it is out of the search."""
        return candidate_id in self._failed

    def n_running(self, bracket: int) -> int:
        """Return how many candidates of a bracket have begun a rung and are still to report."""
        return self._n_running[bracket]

    @property
    def is_idle(self) -> bool:
        """Whether nothing that has begun is still to report."""
        return self._n_running.total() == 0

    def folds(self, candidate_id: int, bracket: int, rung: int) -> Mapping[int, Report]:
        """Return the reports of a candidate at a rung, by fold."""
        return self._rungs.get((bracket, rung), {}).get(candidate_id, {})

    def rungs(self) -> list[tuple[int, int]]:
        """Return the (bracket, rung) pairs that have a report, in order."""
        return sorted(self._rungs)

    def n_resources(self, bracket: int, rung: int) -> int:
        """Return the resource of a rung that has a report."""
        return next(iter(next(iter(self._rungs[bracket, rung].values())).values())).n_resources

    def records(self) -> list[dict[str, Any]]:
        """Return a dict for each run and rung, whatever order they came in."""
        in_order = sorted(self, key=lambda r: (r.bracket, r.rung, r.candidate_id, r.fold))
        return [report.record() for report in in_order]

    def levels(self) -> list[list[tuple[int, int]]]:
        """Return the (bracket, rung) pairs by resource, the most first.

        Rungs of several brackets that had the same resource are one level: their scores compare.
        """
        found: dict[int, list[tuple[int, int]]] = {}
        for key in self.rungs():
            found.setdefault(self.n_resources(*key), []).append(key)
        return [found[n_resources] for n_resources in sorted(found, reverse=True)]

    def reached(self, bracket: int, rung: int) -> list[int]:
        """Return the ids of the candidates that have reported on all folds of a rung, in order."""
        found = self._rungs.get((bracket, rung), {})
        return sorted(c for c in found if RungKey(c, bracket, rung) in self._complete)

    def standings(self, bracket: int, rung: int) -> list[Standing]:
        """Return the candidates that have reached a rung with finite scores only."""
        found = (self.standing(RungKey(c, bracket, rung)) for c in self.reached(bracket, rung))
        return [standing for standing in found if standing is not None]

    def standing(self, place: RungKey) -> Standing | None:
        """Return how a candidate stands at a rung that it has reached; None if a run failed."""
        reports = self.folds(*place).values()
        if any(report.status != "ok" for report in reports):
            return None
        # fsum is exact, so the order in which results came back cannot show in the mean.
        score = math.fsum(report.score for report in reports) / len(reports)
        return Standing(place.candidate_id, score, max(r.n_parameters for r in reports))


def _as_written(value: Any) -> Any:
    """Return a number, a bool or a string of NumPy's, as distributions draw them, as Python's."""
    is_plain = isinstance(value, (np.number, np.bool_, np.str_))
    return value.item() if is_plain else value


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


def attempt(function: Callable[[Job], Result], job: Job) -> Result | Failure:
    """Return the function's result, or the failure if it raised.

    >>> attempt(len, [1, 2])
    2
    >>> attempt(len, 3).reason
    "TypeError: object of type 'int' has no len()"
    """
    start = time.perf_counter()
    try:
        return function(job)
    except Exception as error:
        return Failure.of(error, time.perf_counter() - start)


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
    """Train a candidate up to a rung, on those of its first ``n_folds`` that have not reported."""

    candidate_id: int
    bracket: int
    rung: int
    n_resources: int
    n_folds: int = 1

    @property
    def place(self) -> RungKey:
        """The candidate and the rung."""
        return RungKey(self.candidate_id, self.bracket, self.rung)


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
