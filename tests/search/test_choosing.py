"""The ways to choose that come with sktune, against their textbook definitions."""

from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sktune import MLPClassifier, SuccessiveHalvingSearchCV, best_score, one_standard_error

X, Y = load_iris(return_X_y=True)
SPACE = {"width": [4, 8, 16, 32], "lr": [0.005, 0.01, 0.02]}


def search(refit, **settings):
    net = MLPClassifier(random_state=0)
    settings = {"max_resources": 9, "cv": 3, "random_state": 0, "sampler": "grid", **settings}
    return SuccessiveHalvingSearchCV(net, SPACE, refit=refit, **settings).fit(X, Y)


def test_the_best_score_is_what_a_search_does_by_itself():
    one, two = search(best_score), search(True)
    assert one.best_index_ == two.best_index_
    assert one.best_params_ == two.best_params_


def test_one_standard_error_takes_the_smallest_network_that_is_good_enough():
    found = search(one_standard_error, factor=2)
    results = found.cv_results_
    last = np.flatnonzero(results["n_resources"] == 9)
    folds = np.array([results[f"split{k}_test_score"] for k in range(3)])
    best = last[np.argmax(results["mean_test_score"][last])]
    limit = folds[:, best].mean() - folds[:, best].std(ddof=1) / np.sqrt(3)
    enough = [i for i in last if folds[:, i].mean() >= limit]
    assert results["n_parameters"][found.best_index_] == min(results["n_parameters"][enough])
    assert found.best_index_ in enough


def test_metrics_by_name():
    rule = partial(one_standard_error, metric="neg_log_loss")
    found = search(rule, scoring=["accuracy", "neg_log_loss"])
    assert found.best_index_ == rule(found.cv_results_)


def results(means, costs, times, folds=None):
    means = np.array(means, dtype=float)
    folds = np.stack([means - 0.1, means + 0.1]) if folds is None else np.array(folds)
    return {
        "n_resources": np.full(len(means), 9),
        "status": np.array(["ok"] * len(means)),
        "candidate_id": np.arange(len(means)),
        "n_parameters": np.array(costs),
        "mean_fit_time": np.array(times),
        "mean_test_score": means,
        "split0_test_score": folds[0],
        "split1_test_score": folds[1],
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # the error is std(ddof=1) / sqrt(2) = 0.1
        (results([0.9, 0.81, 0.79], [3, 2, 1], [1, 1, 1]), 1),
        (results([0.9, 0.81, 0.79], [0, 0, 0], [3.0, 2.0, 1.0]), 1),
        (results([0.9, 0.9, 0.9], [2, 1, 1], [1, 1, 1]), 1),
    ],
)
def test_by_hand(found, expected):
    assert one_standard_error(found) == expected


def test_failed_and_lower_rows_are_never_chosen():
    found = results([0.9, 0.8, 0.7], [1, 1, 1], [1, 1, 1])
    found["status"][0] = "failed"
    found["n_resources"][1] = 3
    assert best_score(found) == one_standard_error(found) == 2
