"""The optimism of the best score, on scores whose truth is known."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from sktune.report import optimism
from tests.report import made_up
from tests.report.kinds import KINDS, brute_force_best


def noise(kept):
    """Return scores around 0.5, of whose noise a share stays from rung to rung."""
    known = {}

    def score(params, n_resources, fold, rng):
        key = params["net__lr"], fold
        if key not in known:
            known[key] = rng.normal(0, 0.05)
        return 0.5 + np.sqrt(kept) * known[key] + np.sqrt(1 - kept) * rng.normal(0, 0.05)

    return score


@pytest.mark.parametrize("schedule", [made_up.halving(27), made_up.hyperband()])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.9, 1.0])
def test_on_noise_the_estimate_is_chance(kept, schedule):
    found = [optimism(made_up.search(schedule, score=noise(kept), seed=seed)) for seed in range(60)]
    estimates = np.array([each.estimate for each in found])
    best = np.array([each.best_score for each in found])
    # a score of five folds is off by 0.022; the best of 27 that keep their noise by twice that
    assert abs(estimates.mean() - 0.5) < 0.012 + 3 * estimates.std() / np.sqrt(60)
    if kept == 1.0:
        assert best.mean() > 0.54


def test_without_noise_there_is_none():
    quiet = made_up.search(score=lambda params, n, fold, rng: params["net__dropout"])
    found = optimism(quiet)
    assert found.optimism == pytest.approx(0, abs=1e-12)
    assert found.standard_error == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_every_search_has_one_or_none(kind):
    data = KINDS[kind]()
    found = optimism(data)
    best = brute_force_best(data)
    if kind in ("one fold", "all failed", "nothing yet", "begun"):
        assert found is None
    else:
        assert found.best_score == pytest.approx(best)
        assert found.optimism == pytest.approx(best - found.estimate)
        assert np.isfinite(found.standard_error)


def test_one_candidate_was_not_chosen():
    assert optimism(made_up.search(made_up.halving(1))).optimism == pytest.approx(0)


@pytest.mark.slow
def test_it_agrees_with_nested_cross_validation():
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(X))[:600]
    for targets in (y[rows], rng.permutation(y[rows])):
        search = SuccessiveHalvingSearchCV(
            MLPClassifier(random_state=0),
            {"lr": np.geomspace(1e-4, 1e-1, 9).tolist(), "dropout": [0.0, 0.2, 0.4]},
            sampler="grid",
            max_resources=9,
            cv=5,
            random_state=0,
        )
        nested = cross_val_score(search, X[rows] / 16, targets, cv=5)
        found = search.fit(X[rows] / 16, targets).optimism_
        error = np.hypot(nested.std() / np.sqrt(5), found.standard_error)
        assert abs(found.estimate - nested.mean()) < 3 * error
