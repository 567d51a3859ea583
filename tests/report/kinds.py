"""All kinds of searches that results must be able to tell."""

import math

from sktune.report import SearchData
from sktune.schedules import AsyncHalving
from tests.report import made_up


def conditional(rng):
    """Return a candidate that has a momentum only with one of the optimisers."""
    params = {"net__optimizer": str(rng.choice(["sgd", "adam"]))}
    if params["net__optimizer"] == "sgd":
        params["net__momentum"] = float(rng.uniform(0, 1))
    return params


def flat(params, n_resources, fold, rng):
    return float(rng.normal())


def far_below(params, n_resources, fold, rng):
    """Return an R2 of networks that have hardly begun."""
    return -(10.0 ** rng.uniform(0, 6)) if n_resources == 1 else 0.5 + 0.001 * fold


def odd(rng):
    """Return values that no axis knows, and texts with markup."""
    return {
        "net__hidden": (64, 32),
        "net__f": rng.choice(["<script>alert(1)</script>", "naïve µ", "x" * 10_000]),
        "net__flag": bool(rng.integers(2)),
        "net__none": None,
        "net__big": int(10 ** rng.integers(0, 18)),
    }


def asynchronous():
    return AsyncHalving((1, 3, 9), factor=3, n_candidates=9, n_folds=made_up.N_FOLDS)


KINDS = {
    "27 candidates": lambda: made_up.search(),
    "one candidate": lambda: made_up.search(made_up.halving(1)),
    "one fold": lambda: made_up.search(made_up.halving(9, n_folds=1)),
    "all but one failed": lambda: made_up.search(fails=lambda candidate: candidate != 5),
    "all failed": lambda: made_up.search(fails=lambda candidate: True),
    "hyperband": lambda: made_up.search(made_up.hyperband()),
    "asynchronous": lambda: made_up.search(asynchronous()),
    "nothing yet": lambda: made_up.search(n_events=0),
    "begun": lambda: made_up.search(n_events=2),
    "running": lambda: made_up.search(n_events=31),
    "conditional": lambda: made_up.search(score=flat, draw=conditional),
    "no hyperparameters": lambda: made_up.search(score=flat, draw=lambda rng: {}),
    "odd values": lambda: made_up.search(score=flat, draw=odd),
    "scores far below": lambda: made_up.search(score=far_below, draw=lambda rng: {"a": 1.0}),
    "equal scores": lambda: made_up.search(score=lambda *_: 0.5),
}


def brute_force_best(data: SearchData) -> float:
    """Return the best mean over folds at the highest resource, NaN if there is none."""
    found: dict[int, dict[int, list[float]]] = {}
    failed = {report.candidate_id for report in data.history if report.status != "ok"}
    for report in data.history:
        if report.candidate_id not in failed:
            level = found.setdefault(report.n_resources, {})
            level.setdefault(report.candidate_id, []).append(report.score)
    n_folds = max((report.n_folds for report in data.history), default=0)
    for n_resources in sorted(found, reverse=True):
        whole = [sum(s) / len(s) for s in found[n_resources].values() if len(s) == n_folds]
        if whole:
            return max(whole)
    return math.nan
