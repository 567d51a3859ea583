"""How far a hyperparameter can move, on scores that are known."""

import numpy as np
import pytest

from sktune.report import sensitivity
from tests.report import made_up
from tests.report.kinds import KINDS


def peaked(params, n_resources, fold, rng):
    """Return a score that falls with the distance from a dropout of 0.2; folds differ by 0.1."""
    return -abs(params["net__dropout"] - 0.2) + 0.05 * (fold - 2)


def test_the_range_is_what_one_standard_error_allows():
    data = made_up.search(score=peaked)
    table = sensitivity(data)
    error = np.std([0.05 * (k - 2) for k in range(5)], ddof=1) / np.sqrt(5)
    values = [candidate.params["net__dropout"] for candidate in data.history.candidates]
    nearest = min(abs(value - 0.2) for value in values)
    good = [value for value in values if abs(value - 0.2) <= nearest + error]
    row = table[(table["rung"] == 0) & (table["hyperparameter"] == "dropout")].iloc[0]
    assert (row["low"], row["high"]) == (min(good), max(good))
    assert (row["n_as_good"], row["n_candidates"]) == (len(good), 27)
    assert row["best"] == min(values, key=lambda value: abs(value - 0.2))


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_is_within_the_range(kind):
    table = sensitivity(KINDS[kind]())
    for row in table.to_dict("records"):
        assert 1 <= row["n_as_good"] <= row["n_candidates"]
        if row["low"] == row["low"] and row["best"] == row["best"]:
            assert row["low"] <= row["best"] <= row["high"]
