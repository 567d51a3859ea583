"""Settings of a search as people have them: splits, scorers, and estimators that refuse some."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    LeaveOneGroupOut,
    PredefinedSplit,
    ShuffleSplit,
)

from sktune import MLPClassifier, SuccessiveHalvingSearchCV, one_standard_error
from tests.search.peers import RATES, X, Y, assert_same_as_grid_search, classifier


@pytest.mark.parametrize("none", [False, 0, None])
def test_a_falsy_train_split_is_none(none):
    assert_same_as_grid_search(classifier(train_split=none))


@pytest.mark.parametrize(
    ("estimator", "space"),
    [
        (SGDClassifier(class_weight="balanced", random_state=0), {"alpha": [1e-4, 1e-3, 1e-2]}),
        (SGDClassifier(early_stopping=True, random_state=0), {"alpha": [1e-4, 1e-3, 1e-2]}),
        (Perceptron(class_weight="balanced", random_state=0), {"alpha": [1e-4, 1e-3, 1e-2]}),
    ],
)
def test_settings_that_partial_fit_refuses(estimator, space):
    rows, y = make_classification(200, 6, weights=[0.7], random_state=0)
    settings = {"n_candidates": 3, "min_resources": 60, "cv": 3, "random_state": 0}
    peer = HalvingRandomSearchCV(estimator, space, **settings).fit(rows, y)
    settings["min_resources"] = "smallest"
    search = SuccessiveHalvingSearchCV(estimator, space, **settings).fit(rows, y)
    assert search.best_score_ > peer.best_score_ - 0.15
    assert search.best_estimator_.score(rows, y) > 0.6


ONE_SPLIT = {
    "predefined": PredefinedSplit(np.where(np.arange(150) % 5 == 0, 0, -1)),
    "shuffled": ShuffleSplit(1, random_state=0),
    "given": [(np.arange(0, 150, 2), np.arange(1, 150, 2))],
}


@pytest.mark.parametrize("split", ONE_SPLIT)
@pytest.mark.parametrize(
    "option",
    [
        {"refit": one_standard_error},
        {"ensemble": True},
        {"fold_schedule": "grow"},
        {"scoring": ["accuracy", "neg_log_loss"], "refit": "neg_log_loss"},
        {"return_train_score": True},
    ],
    ids=lambda option: "-".join(option),
)
def test_one_split_works_with_every_option(split, option):
    rows, y = load_iris(return_X_y=True)
    space = {"lr": [0.1, 0.01], "width": [8, 16]}
    search = SuccessiveHalvingSearchCV(
        MLPClassifier(), space, sampler="grid", max_resources=4, cv=ONE_SPLIT[split],
        random_state=0, **option,
    )  # fmt: skip
    assert search.fit(rows, y).score(rows, y) is not None
    assert search.best_params_["lr"] in space["lr"]


def test_splits_by_groups():
    groups = np.arange(90) // 30
    peer = GridSearchCV(classifier(), RATES, cv=LeaveOneGroupOut()).fit(X, Y, groups=groups)
    search = SuccessiveHalvingSearchCV(
        classifier(), RATES, sampler="grid", min_resources=9, cv=LeaveOneGroupOut(), random_state=0
    ).fit(X, Y, groups=groups)
    found = [s.cv_results_["mean_test_score"] for s in (peer, search)]
    np.testing.assert_allclose(*found, atol=1e-6)


SCORES = {
    "number of NumPy's": np.float32,
    "array": np.asarray,
    "array of one": lambda score: np.asarray([score]),
    "tensor": lambda score: torch.tensor(float(score)),
    "tensor of one": lambda score: torch.tensor([float(score)]),
}


@pytest.mark.parametrize("kind", ["number of NumPy's", "array", "tensor"])
def test_scores_that_are_arrays(kind):
    def scorer(net, X, y):
        return SCORES[kind](net.predict_proba(X)[:, 0].mean())

    assert_same_as_grid_search(classifier(), scoring=scorer)


@pytest.mark.parametrize("kind", SCORES)
def test_scores_of_our_nets_that_are_arrays(kind):
    def scorer(net, X, y):
        return SCORES[kind]((net.predict(X) == y).mean())

    def plain(net, X, y):
        return float((net.predict(X) == y).mean())

    found = [
        SuccessiveHalvingSearchCV(
            MLPClassifier(), {"lr": [0.1, 0.01]}, sampler="grid", max_resources=3, cv=3,
            scoring=scoring, random_state=0,
        ).fit(X, Y)
        for scoring in (scorer, plain)
    ]  # fmt: skip
    scores = [search.cv_results_["mean_test_score"] for search in found]
    np.testing.assert_allclose(*scores, atol=1e-6)


@pytest.mark.parametrize("y", [Y > 0, (Y > 0).astype(object), np.array(["u", "v"], object)[Y]])
def test_the_best_net_is_fitted_like_the_search(y):
    settings = {"sampler": "grid", "max_resources": 9, "cv": 3, "random_state": 0}
    search = SuccessiveHalvingSearchCV(classifier(), {"lr": [0.1]}, **settings).fit(X, y)
    again = clone(search.best_estimator_).fit(X, y)
    np.testing.assert_array_equal(again.predict(X), search.predict(X))
