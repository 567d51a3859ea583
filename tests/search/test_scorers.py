"""Which metrics can judge a target, against scikit-learn's scorers on real estimators."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import check_scoring, f1_score, get_scorer_names, make_scorer
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import LinearSVC

from sktune.search.scorers import answers, named, scorer_mistakes

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
TARGETS = {
    "binary": np.arange(60) % 2,
    "signs": np.arange(60) % 2 * 2 - 1,
    "texts": np.array(["no", "yes"])[np.arange(60) % 2],
    "many": np.arange(60) % 3,
    "many texts": np.array(["a", "b", "c"])[np.arange(60) % 3],
    "labels": make_multilabel_classification(60, random_state=0)[1],
    "numbers": X @ [1.0, 2.0, 3.0],
    "positive": np.exp(X[:, 0]),
    "columns": np.stack([X[:, 0], X[:, 1]], axis=1),
}
CLASSIFIED = ["binary", "signs", "texts", "many", "many texts"]


def mistakes(scoring, estimator, y, kind):
    scorers = named(check_scoring(estimator, scoring=scoring), scoring)
    return list(scorer_mistakes(scorers, answers(estimator), y, kind))


def fails(scoring, estimator, y):
    """Whether scikit-learn's scorer raises for the fitted estimator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check_scoring(estimator, scoring=scoring)(estimator.fit(X, y), X, y)
        except (ValueError, TypeError, AttributeError):
            return True
    return False


@pytest.mark.parametrize("target", CLASSIFIED)
@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearSVC(), KNeighborsClassifier()])
def test_every_metric_on_classes(target, estimator):
    y = TARGETS[target]
    for scoring in get_scorer_names():
        said = mistakes(scoring, estimator, y, "classifier")
        assert bool(said) == fails(scoring, estimator, y), (scoring, said)


@pytest.mark.parametrize("target", ["positive", "columns"])
@pytest.mark.parametrize("estimator", [KNeighborsRegressor(1), DummyRegressor()])
def test_every_metric_on_numbers(target, estimator):
    y = TARGETS[target]
    for scoring in get_scorer_names():
        if target == "columns" and any(word in scoring for word in ("score", "_d2", "d2_")):
            continue
        said = mistakes(scoring, estimator, y, "regressor")
        if said:
            assert fails(scoring, estimator, y), (scoring, said)


def test_every_metric_that_judges_labels_is_let_through():
    y = TARGETS["labels"]
    for scoring in get_scorer_names():
        if mistakes(scoring, KNeighborsClassifier(), y, "classifier"):
            assert fails(scoring, KNeighborsClassifier(), y), scoring


def test_negative_numbers_are_seen_wherever_they_are():
    y = np.ones(5000)
    assert not mistakes("neg_mean_squared_log_error", LinearRegression(), y, "regressor")
    y[4000] = -2
    (said,) = mistakes("neg_mean_squared_log_error", LinearRegression(), y, "regressor")
    assert "less than or equal to -1" in said


def test_a_rare_class_is_seen_wherever_it_is():
    y = np.zeros(5000, dtype=int)
    y[3000:3002] = 1
    assert not mistakes("f1", LogisticRegression(), y, "classifier")
    y[4000] = 2
    (said,) = mistakes("f1", LogisticRegression(), y, "classifier")
    assert "multiclass" in said


def test_each_metric_that_does_not_fit_is_named():
    scoring = ["accuracy", "roc_auc", "f1", "neg_log_loss"]
    said = mistakes(scoring, LinearSVC(), TARGETS["many"], "classifier")
    assert [line.split()[1] for line in said] == ["roc_auc", "f1", "neg_log_loss"]


@pytest.mark.parametrize(
    "scoring",
    [
        None,
        lambda estimator, X, y: 1 / 0,
        make_scorer(lambda y, predicted: 1 / 0),
        {"mine": lambda estimator, X, y: 1 / 0},
        make_scorer(f1_score, pos_label="yes"),
        "f1_macro",
    ],
)
def test_scorers_of_the_users_own_are_not_called_and_settings_count(scoring):
    assert not mistakes(scoring, DummyClassifier(), TARGETS["texts"], "classifier")
