"""How many threads runs and refits have."""

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from tests.user_nets import classifier

X, Y = make_classification(300, 16, random_state=0)
X = X.astype(np.float32)
SEEN = []


class Noting(nn.Module):
    """Notes the number of threads that it is called with."""

    def __init__(self, width=8):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, width), nn.ReLU(), nn.Linear(width, width))
        self.last = nn.Linear(width, 2)

    def forward(self, X):
        SEEN.append((self.training, torch.get_num_threads()))
        return self.last(torch.relu(self.layers(X)))


class Fitting(type(classifier(Noting))):
    def fit(self, X, y=None, **params):
        return super().fit(X, y, **params)


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    SEEN.clear()
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def searched(net, **params):
    return SuccessiveHalvingSearchCV(
        net, {"lr": [0.01, 0.1]}, max_resources=2, cv=2, random_state=0, **params
    ).fit(X, Y)


@pytest.mark.parametrize("stacking", ["auto", False])
@pytest.mark.parametrize("kind", ["plain", "own fit"])
def test_small_nets_have_one_thread_everywhere(stacking, kind):
    net = classifier(Noting)
    if kind == "own fit":
        net.__class__ = Fitting
    searched(net, stacking=stacking)
    assert {n for _, n in SEEN} == {1}


def test_a_large_net_has_one_in_the_search_and_more_in_its_refit():
    net = classifier(Noting, module__width=4000, batch_size=-1, max_epochs=1)
    SuccessiveHalvingSearchCV(
        net, {"lr": [0.01]}, n_candidates=1, max_resources=1, cv=2, random_state=0
    ).fit(X, Y)
    assert {n for _, n in SEEN} == {1, 2}
    first = [n for _, n in SEEN].index(2)
    assert {n for _, n in SEEN[:first]} == {1}
    assert {n for is_training, n in SEEN[first:] if is_training} == {2}


def test_what_a_user_has_set_is_the_most():
    torch.set_num_threads(1)
    net = classifier(Noting, module__width=4000, batch_size=-1, max_epochs=1)
    SuccessiveHalvingSearchCV(
        net, {"lr": [0.01]}, n_candidates=1, max_resources=1, cv=2, random_state=0
    ).fit(X, Y)
    assert {n for _, n in SEEN} == {1}
    torch.set_num_threads(2)


@pytest.mark.parametrize("resource", ["n_samples", "max_epochs"])
def test_nets_that_are_fitted_anew(resource):
    pipe = make_pipeline(StandardScaler(), classifier(Noting, max_epochs=2))
    name = resource if resource == "n_samples" else "neuralnetclassifier__max_epochs"
    SuccessiveHalvingSearchCV(
        pipe,
        {"neuralnetclassifier__lr": [0.01, 0.1]},
        resource=name,
        min_resources=1 if resource == "max_epochs" else 50,
        max_resources=3 if resource == "max_epochs" else 150,
        cv=2,
        random_state=0,
    ).fit(X, Y)
    assert {n for _, n in SEEN} == {1}


def test_other_estimators_and_threads_of_python():
    space, given = {"alpha": [1e-4, 1e-3]}, {"cv": 2, "max_resources": 2, "random_state": 0}
    SuccessiveHalvingSearchCV(SGDClassifier(random_state=0), space, **given).fit(X, Y)
    with parallel_config("threading", n_jobs=2):
        searched(MLPClassifier(random_state=0))
    assert torch.get_num_threads() == 2
