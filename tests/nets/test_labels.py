"""Several labels a row, and bools in any guise; scikit-learn's perceptron is the oracle."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, make_multilabel_classification
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier as OraclePerceptron
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import ConvNetClassifier, MLPClassifier, SuccessiveHalvingSearchCV
from sktune.nets.labels import ManyLabels, OneClass, labels_for, plain_labels
from tests.user_nets import classifier

X, Y = make_multilabel_classification(n_samples=300, n_classes=4, n_labels=2, random_state=0)
X = StandardScaler().fit_transform(X)
NET = MLPClassifier(lr=0.01, max_epochs=15, random_state=0)
GUISES = {
    "int": lambda y: y,
    "bool": lambda y: y.astype(bool),
    "float": lambda y: y.astype(float),
    "object": lambda y: y.astype(bool).astype(object),
    "sparse": csr_matrix,
    "frame": pd.DataFrame,
    "list": lambda y: y.tolist(),
}


class TestManyLabels:
    def test_as_good_as_scikit_learns_perceptron(self):
        train, test, labels, truth = train_test_split(X, Y, random_state=0)
        oracle = OraclePerceptron((128, 128), max_iter=15, learning_rate_init=0.01, random_state=0)
        with np.errstate(all="ignore"), pytest.warns(UserWarning, match="converge"):
            oracle.fit(train, labels)
        net = NET.fit(train, labels)
        assert net.predict(test).shape == oracle.predict(test).shape
        assert net.predict(test).dtype.kind == "i"
        assert net.predict_proba(test).shape == oracle.predict_proba(test).shape
        assert np.array_equal(net.predict_proba(test) > 0.5, net.predict(test) == 1)
        assert net.score(test, truth) == (net.predict(test) == truth).all(axis=1).mean()
        for name in ("accuracy", "f1_macro", "roc_auc", "average_precision", "neg_log_loss"):
            scorer = get_scorer(name)
            if name != "neg_log_loss":
                assert scorer(net, test, truth) > scorer(oracle, test, truth) - 0.1

    @pytest.mark.parametrize("guise", GUISES)
    def test_indicator_matrices_in_any_guise(self, guise):
        y = GUISES[guise](Y)
        net = MLPClassifier(max_epochs=2, random_state=0).fit(X, y)
        oracle = MLPClassifier(max_epochs=2, random_state=0).fit(X, Y)
        assert np.array_equal(net.predict_proba(X), oracle.predict_proba(X))
        assert net.score(X, y) == oracle.score(X, Y)
        kinds = {"bool": "b", "object": "b", "float": "f"}
        assert net.predict(X).dtype.kind == kinds.get(guise, "i")

    @pytest.mark.parametrize("n_labels", [2, 3])
    @pytest.mark.parametrize("scoring", ["f1_macro", "roc_auc", "average_precision", None])
    @pytest.mark.parametrize("stacking", ["auto", False])
    def test_in_a_search(self, n_labels, scoring, stacking):
        y = Y[:, :n_labels]
        pipe = make_pipeline(StandardScaler(), MLPClassifier(max_epochs=4, random_state=0))
        space = {"mlpclassifier__lr": [0.01]}
        search = SuccessiveHalvingSearchCV(
            pipe,
            space,
            sampler="grid",
            min_resources=4,
            scoring=scoring,
            stacking=stacking,
            cv=3,
            random_state=0,
            error_score="raise",
        )
        search.fit(X, y)
        oracle = GridSearchCV(pipe, space, scoring=scoring, cv=3, error_score="raise").fit(X, y)
        assert search.best_score_ == pytest.approx(oracle.best_score_, abs=0.01)
        assert search.stacking_["solo"] == (0 if stacking else 3)
        assert np.allclose(search.predict_proba(X), oracle.predict_proba(X), atol=1e-4)
        assert search.score(X, y) == pytest.approx(oracle.score(X, y), abs=0.01)

    def test_weights_and_images_and_passes(self):
        weight = np.linspace(0, 2, len(X))
        shared = {"max_epochs": 3, "batch_size": 32, "random_state": 0}
        for net in (
            MLPClassifier(**shared),
            ConvNetClassifier(filters=2, image_shape=(4, 5), **shared),
        ):
            found = net.fit(X, Y, sample_weight=weight).predict_proba(X)
            net = type(net)(**net.get_params())
            for _ in range(3):
                net.partial_fit(X, Y, classes=np.arange(4), sample_weight=weight)
            assert np.array_equal(net.predict_proba(X), found)

    def test_an_ensemble_of_folds(self):
        search = SuccessiveHalvingSearchCV(NET, {"lr": [0.01, 0.02]}, ensemble=True, cv=3)
        search.fit(X, Y)
        assert np.array_equal(search.predict(X), (search.predict_proba(X) > 0.5).astype(int))
        assert search.score(X, Y) > 0.5

    def test_what_is_no_indicator_matrix_is_refused(self):
        with pytest.raises(ValueError, match="holds the numbers"):
            NET.fit(X, 2 * Y - 1)
        with pytest.raises(ValueError, match="MultiOutputClassifier"):
            NET.fit(X, Y + np.arange(len(X))[:, None] % 3)
        net = MLPClassifier().partial_fit(X, Y)
        for other in (Y[:, 0], Y[:, :2]):
            with pytest.raises(ValueError, match="has been told 4 labels"):
                net.partial_fit(X, other)


CANCER, MALIGNANT = load_breast_cancer(return_X_y=True)
BOOLS = {
    "bool": lambda y: y.astype(bool),
    "object": lambda y: y.astype(bool).astype(object),
    "numpy's": lambda y: np.array([np.bool_(label) for label in y], dtype=object),
    "series": lambda y: pd.Series(y.astype(bool).astype(object)),
    "nullable": lambda y: pd.Series(y.astype(bool), dtype="boolean"),
    "list": lambda y: y.astype(bool).tolist(),
}


@pytest.mark.parametrize("guise", BOOLS)
class TestBools:
    def test_alone(self, guise):
        y = BOOLS[guise](MALIGNANT)
        net = MLPClassifier(max_epochs=2, random_state=0).fit(CANCER, y)
        assert net.classes_.dtype == bool
        assert net.predict(CANCER).dtype == bool
        oracle = MLPClassifier(max_epochs=2, random_state=0).fit(CANCER, MALIGNANT)
        assert net.score(CANCER, y) == oracle.score(CANCER, MALIGNANT)

    @pytest.mark.parametrize("net", ["ours", "users"])
    def test_in_a_search_stratified(self, guise, net):
        users = classifier(module__n_in=30, module__n_out=2)
        net = MLPClassifier(max_epochs=2, random_state=0) if net == "ours" else users
        found = []
        for y in (BOOLS[guise](MALIGNANT), MALIGNANT.astype(bool)):
            search = SuccessiveHalvingSearchCV(
                make_pipeline(StandardScaler(), net),
                {f"{type(net).__name__.lower()}__lr": [0.01, 0.02]},
                max_resources=2,
                scoring="f1",
                error_score="raise",
                random_state=0,
            )
            found.append(search.fit(CANCER, y))
            assert search.predict(CANCER).dtype == bool
            assert search.score(CANCER, y) > 0.5
        assert found[0].best_score_ == found[1].best_score_
        assert found[0].classes_.tolist() == [False, True]


def test_labels_for():
    assert isinstance(labels_for(np.array(["a", "b"]), None), OneClass)
    assert labels_for(np.array([1, 0]), [2, 1, 0]).classes.tolist() == [0, 1, 2]
    assert isinstance(labels_for(np.array([[1, 0], [0, 0]]), None), ManyLabels)
    assert isinstance(labels_for(np.array([[1], [0]]), None), OneClass)


def test_other_targets_are_left_as_they_are():
    for y in (None, [1, 2], np.array([1, 2]), np.array([True, "a"], dtype=object)):
        assert plain_labels(y) is y
