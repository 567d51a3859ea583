"""Who can be continued by ``partial_fit`` is found out, not listed."""

import random

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import IncrementalPCA
from sklearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC

from sktune.runs import refusal
from tests.user_nets import classifier

BALANCED = {"class_weight": "balanced"}
STOPPING = {"early_stopping": True}


@pytest.mark.parametrize(
    "estimator",
    [
        SGDClassifier(**BALANCED),
        SGDClassifier(**STOPPING),
        SGDRegressor(**STOPPING),
        Perceptron(**BALANCED),
        Perceptron(**STOPPING),
        MLPClassifier(max_iter=3, **STOPPING),
        MLPRegressor(max_iter=3, **STOPPING),
        MLPClassifier(solver="lbfgs"),
        OneVsRestClassifier(SGDClassifier(**BALANCED)),
        MultiOutputClassifier(SGDClassifier(**BALANCED)),
        MultiOutputRegressor(SGDRegressor(**STOPPING)),
        # it wants the classes of each target apart
        MultiOutputClassifier(SGDClassifier()),
        SVC(),
    ],
)
def test_what_only_fit_takes_is_refused(estimator):
    assert refusal(estimator)


@pytest.mark.parametrize(
    "estimator",
    [
        SGDClassifier(),
        SGDClassifier(class_weight={0: 1.0, 1: 2.0}),
        SGDRegressor(),
        MLPClassifier(max_iter=3),
        GaussianNB(),
        MultinomialNB(),
        BernoulliNB(),
        IncrementalPCA(2),
        MiniBatchKMeans(3),
        OneVsRestClassifier(SGDClassifier()),
        MultiOutputRegressor(SGDRegressor()),
        # the made-up rows are too few or too narrow, which says nothing of partial_fit
        IncrementalPCA(30),
        MiniBatchKMeans(1000),
        SGDClassifier(alpha=-1),
        classifier(),
    ],
)
def test_what_partial_fit_takes_or_fit_does_not_is_not_refused(estimator):
    assert refusal(estimator) == ""


def test_trying_leaves_no_trace(capsys):
    state, numbers = random.getstate(), np.random.get_state()[1].copy()
    net = MLPClassifier(max_iter=2, verbose=True, tol=1e-3)
    refusal(net)
    assert random.getstate() == state
    assert (np.random.get_state()[1] == numbers).all()
    assert not capsys.readouterr().out
    assert not hasattr(net, "coefs_")
