"""The refitted winner is a plain fit, wherever and whenever it was trained."""

import os

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from sktune import HyperbandSearchCV, MLPClassifier, SuccessiveHalvingSearchCV
from tests.user_nets import classifier

X, Y = load_iris(return_X_y=True)


class Process(Callback):
    """Notes the process that trains."""

    def on_epoch_begin(self, net, **params):
        self.pid = os.getpid()


NETS = {
    "ours": MLPClassifier(random_state=0),
    "users": classifier(callbacks=[("process", Process())]),
}


def search(net, kind=SuccessiveHalvingSearchCV, **settings):
    pipe = make_pipeline(StandardScaler(), NETS[net])
    space = {f"{pipe.steps[-1][0]}__lr": list(np.geomspace(1e-3, 1e-1, 9))}
    settings = {"max_resources": 9, "cv": 2, "n_jobs": 2, "random_state": 0, **settings}
    return kind(pipe, space, **settings).fit(X, Y)


def is_trained_here(found):
    return dict(found.best_estimator_[-1].callbacks_)["process"].pid == os.getpid()


def test_one_that_is_bound_to_win_is_refitted_beside_its_folds():
    assert not is_trained_here(search("users"))
    assert is_trained_here(search("users", n_jobs=1))


@pytest.mark.parametrize("net", NETS)
def test_where_it_is_trained_changes_nothing(net):
    beside, after = search(net, n_jobs=2), search(net, n_jobs=1)
    assert np.array_equal(beside.predict_proba(X), after.predict_proba(X))


def test_it_is_a_plain_fit():
    found = search("ours")
    plain = clone(found.estimator).set_params(**found.best_params_, mlpclassifier__max_epochs=9)
    assert np.array_equal(found.predict_proba(X), plain.fit(X, Y).predict_proba(X))


def test_it_is_kept_in_the_storage(tmp_path):
    found = search("users", storage=tmp_path)
    again = search("users", storage=tmp_path)
    assert not is_trained_here(again)
    assert np.array_equal(found.predict_proba(X), again.predict_proba(X))


@pytest.mark.parametrize(
    "settings", [{"refit": lambda results: 0}, {"kind": HyperbandSearchCV, "max_resources": 3}]
)
def test_one_that_may_not_win_is_refitted_at_the_end(settings):
    assert is_trained_here(search("users", **settings))
