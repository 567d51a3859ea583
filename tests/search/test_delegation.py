"""Whatever the best estimator can do the search can do, as in GridSearchCV."""

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skorch import NeuralNet
from torch import nn

from sktune import MLPClassifier, MLPRegressor, SuccessiveHalvingSearchCV
from sktune.exceptions import InvalidSettingsError

X, Y = make_classification(90, 6, random_state=0)
METHODS = [
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "transform",
    "inverse_transform",
]
CASES = [
    (SVC(), {"C": [1.0]}),
    (SVC(kernel="linear"), {"gamma": ["scale"]}),
    (LogisticRegression(), {"C": [1.0]}),
    (LinearRegression(), {"positive": [False]}),
    (SGDClassifier(random_state=0), {"alpha": [1e-3]}),
    (SGDClassifier(loss="log_loss", random_state=0), {"alpha": [1e-3]}),
    (make_pipeline(StandardScaler(), GaussianNB()), {"gaussiannb__var_smoothing": [1e-9]}),
    (PCA(2), {"whiten": [False]}),
    (make_pipeline(StandardScaler(), PCA(2)), {"pca__whiten": [False]}),
    (MiniBatchKMeans(2, random_state=0), {"reassignment_ratio": [0.01]}),
    (KernelDensity(), {"bandwidth": [1.0]}),
    (GaussianMixture(2, random_state=0), {"tol": [1e-3]}),
    (MLPClassifier(max_epochs=2, random_state=0), {"lr": [0.01]}),
    (MLPRegressor(max_epochs=2, random_state=0), {"lr": [0.01]}),
]


def ours(estimator, space, **settings):
    settings = {"sampler": "grid", "cv": 3, "random_state": 0, **settings}
    if hasattr(estimator, "max_epochs") or settings.get("resource") == "passes":
        settings = {"max_resources": 2, **settings}
    elif "resource" not in settings:
        settings = {"resource": "n_samples", **settings}
    return SuccessiveHalvingSearchCV(estimator, space, **settings)


def able(search):
    return [name for name in METHODS if hasattr(search, name)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0])[:40].replace("\n", ""))
def test_methods_are_those_of_grid_search_before_and_after_fit(case):
    search, peer = ours(*case), GridSearchCV(*case, cv=3)
    assert able(search) == able(peer)
    for name in able(search):
        with pytest.raises(NotFittedError):
            getattr(search, name)(X)
    search.fit(X, Y)
    peer.fit(X, Y)
    assert able(search) == able(peer)
    assert search.n_features_in_ == peer.n_features_in_
    assert getattr(search, "classes_", None) is not None or not hasattr(peer, "classes_")
    for name in able(search):
        rows = search.transform(X) if name == "inverse_transform" else X
        expected = getattr(search.best_estimator_, name)(rows)
        np.testing.assert_array_equal(getattr(search, name)(rows), expected)


def test_of_a_net_that_neither_classifies_nor_predicts_numbers():
    rows = X.astype(np.float32)
    net = NeuralNet(nn.Linear, module__in_features=6, module__out_features=6, criterion=nn.MSELoss)
    settings = {"scoring": lambda net, X, y: -np.square(net.predict(X) - y).mean()}
    space, peer = {"lr": [0.01, 0.1]}, GridSearchCV(net, {"lr": [0.1]}, **settings)
    net.set_params(train_split=None, max_epochs=2, verbose=0)
    search = ours(net, space, max_resources=2, **settings)
    assert able(search) == able(peer) == ["predict", "predict_proba"]
    assert able(search.fit(rows, rows)) == able(peer.fit(rows, rows))
    np.testing.assert_array_equal(search.predict(rows), search.best_estimator_.predict(rows))


def test_the_best_estimator_decides_what_it_can_do():
    hinge = ours(SGDClassifier(random_state=0), {"loss": ["log_loss"]})
    assert not hasattr(hinge, "predict_proba")
    assert hasattr(hinge.fit(X, Y), "predict_proba")


@pytest.mark.parametrize("name", METHODS)
def test_without_refit_there_is_no_best_estimator(name):
    search = ours(SVC(), {"C": [1.0]}, refit=False)
    for found in (search, search.fit(X, Y)):
        assert not hasattr(found, name)
        with pytest.raises(AttributeError, match="has no attribute") as caught:
            getattr(found, name)
        assert "`refit`=False" in str(caught.value.__cause__)


def test_scorers_that_read_decisions_can_judge_the_search():
    search, peer = ours(SVC(), {"C": [1.0]}), GridSearchCV(SVC(), {"C": [1.0]}, cv=3)
    found, expected = (cross_val_score(s, X, Y, cv=2, scoring="roc_auc") for s in (search, peer))
    np.testing.assert_allclose(found, expected)


class TestEnsemble:
    def test_can_do_what_averages_can_do(self):
        search = ours(MLPClassifier(max_epochs=2), {"lr": [0.01]}, ensemble=True)
        expected = ["predict", "predict_proba", "predict_log_proba"]
        assert able(search) == able(search.fit(X, Y)) == expected
        np.testing.assert_allclose(
            np.exp(search.predict_log_proba(X)), search.predict_proba(X), atol=1e-6
        )

    def test_of_regressors_predicts(self):
        search = ours(MLPRegressor(max_epochs=2), {"lr": [0.01]}, ensemble=True)
        assert able(search) == able(search.fit(X, Y.astype(float))) == ["predict"]

    def test_of_what_also_decides_does_not(self):
        net = SGDClassifier(loss="log_loss", random_state=0)
        search = ours(net, {"alpha": [1e-3]}, resource="passes", max_resources=2, ensemble=True)
        assert "decision_function" in able(net.fit(X, Y))
        assert "decision_function" not in able(search) + able(search.fit(X, Y))

    @pytest.mark.parametrize(
        ("net", "said"),
        [
            (SGDClassifier(), "this SGDClassifier has no `predict_proba`"),
            (IncrementalPCA(2), "IncrementalPCA is neither"),
        ],
    )
    def test_of_what_cannot_be_averaged_is_refused(self, net, said):
        search = ours(net, {}, resource="passes", max_resources=2, ensemble=True)
        with pytest.raises(InvalidSettingsError, match=said):
            search.plan()


@pytest.mark.parametrize("value", [np.float32(0.5), np.array([0.5])])
def test_score_is_a_number(value):
    search = ours(SVC(), {"C": [1.0]}, scoring=lambda estimator, X, y: value)
    assert search.fit(X, Y).score(X, Y) == 0.5
