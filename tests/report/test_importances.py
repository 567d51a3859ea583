"""Importances on scores with known answers."""

import numpy as np
import pytest

from sktune.exceptions import TooLittleDataWarning
from sktune.report import importances
from tests.report import made_up
from tests.report.kinds import KINDS


def four(rng):
    return {f"net__{name}": float(rng.uniform(0, 1)) for name in "abcd"}


def additive(params, n_resources, fold, rng):
    a, b, c = (params[f"net__{name}"] for name in "abc")
    return 4 * a + 2 * b + 0.5 * c + rng.normal(0, 0.01)


def first_rung(table):
    rows = table[table["n_resources"] == table["n_resources"].min()]
    return dict(zip(rows["hyperparameter"], rows["importance"], strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_additive_terms_come_in_their_order_and_a_dead_one_last(seed):
    data = made_up.search(made_up.halving(243), score=additive, draw=four, seed=seed)
    found = first_rung(importances(data, n_samples=5))
    assert list(found)[:2] == ["a", "b"]
    assert found["d"] < 0.05
    assert sum(found.values()) == pytest.approx(1)


def test_of_noise_nothing_is_said_with_certainty():
    data = made_up.search(
        made_up.halving(81), score=lambda p, n, k, rng: rng.normal(), draw=four, seed=3
    )
    table = importances(data)
    first = table[table["n_resources"] == 1]
    # the ranges of all hyperparameters have values in common
    assert first["low"].max() < first["high"].min()


def conditional(rng):
    params = {"net__optimizer": str(rng.choice(["sgd", "adam"])), "net__dead": rng.uniform()}
    if params["net__optimizer"] == "sgd":
        params["net__momentum"] = float(rng.uniform(0, 1))
    return params


def momentum_matters(params, n_resources, fold, rng):
    return params.get("net__momentum", 0.5) + rng.normal(0, 0.01)


def test_a_hyperparameter_that_only_some_have():
    data = made_up.search(made_up.halving(243), score=momentum_matters, draw=conditional)
    found = first_rung(importances(data, n_samples=5))
    assert max(found, key=found.get) == "momentum"
    assert found["dead"] < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_every_search_has_a_table_or_a_warning(kind):
    few = {"one candidate", "all but one failed", "all failed", "nothing yet", "begun"}
    few |= {"no hyperparameters", "one fold", "asynchronous", "scores far below", "equal scores"}
    if kind in few:
        with pytest.warns(TooLittleDataWarning, match="search with more candidates"):
            table = importances(KINDS[kind](), n_samples=3)
        assert not len(table)
    else:
        table = importances(KINDS[kind](), n_samples=3)
        sums = table.groupby("n_resources")["importance"].sum()
        assert np.allclose(sums[sums > 0], 1)


def test_the_same_seed_gives_the_same_range():
    one, two = (importances(made_up.search(), n_samples=5) for _ in range(2))
    assert one.equals(two)
