"""Law 4: the same answer for any number of workers and any backend."""

from functools import cache

import numpy as np
import pytest
from joblib import parallel_config
from scipy.stats import loguniform
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from tests.user_nets import classifier

X, Y = load_iris(return_X_y=True)
CASES = [(make, seed) for make in ("ours", "users") for seed in (0, 1, 2)]


def answer(search, backend, n_jobs, X=X, Y=Y):
    with parallel_config(backend, n_jobs=n_jobs):
        search.fit(X, Y)
    scores = {k: v.tolist() for k, v in search.cv_results_.items() if k.endswith("_score")}
    history = [{k: v for k, v in r.items() if not k.endswith("_time")} for r in search.history_]
    return scores, search.best_params_, history, search.predict_proba(X).tolist()


def ours():
    net = MLPClassifier(lr_schedule="onecycle")
    space = {
        "mlpclassifier__lr": loguniform(1e-3, 1e-1),
        "mlpclassifier__dropout": [0.1, 0.5],
        "pca__n_components": [2, 3],
    }
    return make_pipeline(PCA(svd_solver="randomized"), net), space


def users():
    net = classifier(module__dropout=0.3)
    space = {"neuralnetclassifier__lr": loguniform(1e-3, 1e-1)}
    return make_pipeline(StandardScaler(), net), space


def search(make, seed, **settings):
    settings = {"n_candidates": 9, "max_resources": 9, "cv": 3, **settings}
    estimator, space = {"ours": ours, "users": users}[make]()
    return SuccessiveHalvingSearchCV(estimator, space, random_state=seed, **settings)


@cache
def expected(make, seed):
    return answer(search(make, seed), "sequential", 1)


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2, 4])
@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
def test_for_any_workers(backend, n_jobs):
    for make, seed in CASES:
        assert answer(search(make, seed), backend, n_jobs) == expected(make, seed), (make, seed)


@pytest.mark.slow
def test_for_networks_large_enough_for_several_threads():
    # one worker has all cores as torch threads, two have half of them each
    data, y = load_digits(return_X_y=True)
    net = MLPClassifier(width=512, depth=3, batch_size=512, normalization="batch", dropout=0.2)
    large = SuccessiveHalvingSearchCV(
        net, {"lr": [1e-3, 3e-3, 1e-2]}, max_resources=3, cv=2, random_state=0
    )
    alone = answer(large, "sequential", 1, data, y)
    assert answer(large, "loky", 2, data, y) == alone
    assert answer(large, "threading", 2, data, y) == alone


def test_n_jobs_of_the_search_itself():
    settings = {"n_candidates": 3, "max_resources": 3, "cv": 2}
    scores = [search("users", 0, n_jobs=n, **settings).fit(X, Y).best_score_ for n in (1, 2)]
    assert scores[0] == scores[1]
    assert np.isfinite(scores[0])
