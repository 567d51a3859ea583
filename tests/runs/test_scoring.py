import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, check_scoring, log_loss, make_scorer

from sktune import MLPClassifier
from sktune.exceptions import DivergedError
from sktune.runs.scoring import reads_predictions_only, scores
from tests.user_nets import NanInEvaluation, classifier

X, Y = load_iris(return_X_y=True)
NET = MLPClassifier(lr=0.01, random_state=0).fit(X, Y)


def score(scorer, net=NET, X=X):
    return scores(scorer, net, net, X, Y, {})


def test_scores_are_scikit_learns():
    scorer = check_scoring(NET, scoring=["accuracy", "neg_log_loss"])
    proba = NET.predict_proba(X)
    assert score(scorer) == {
        "accuracy": accuracy_score(Y, NET.predict(X)),
        "neg_log_loss": -log_loss(Y, proba),
    }
    assert score(check_scoring(NET)) == {"score": NET.score(X, Y)}


def test_predictions_that_are_nan_do_not_score():
    net = classifier(NanInEvaluation, module__broken=True).fit(X.astype(np.float32), Y)
    # the argmax of NaN is class 0, so scikit-learn alone would not complain
    assert net.score(X.astype(np.float32), Y) == pytest.approx(1 / 3)
    with pytest.raises(DivergedError, match="predictions are not finite"):
        score(check_scoring(net), net, X.astype(np.float32))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_scores_that_are_not_finite_do_not_count(value):
    with pytest.raises(DivergedError, match="'score' is"):
        score(lambda estimator, X, y: value)


@pytest.mark.parametrize(
    "kind",
    [
        float,
        np.float32,
        np.float64,
        np.asarray,
        lambda value: np.array([value]),
        lambda value: np.array([[value]], dtype=object),
        lambda value: pd.Series([value]),
        torch.tensor,
        lambda value: torch.tensor([value], requires_grad=True),
    ],
)
@pytest.mark.parametrize("wrapped", [lambda value: value, lambda value: {"mine": value}])
def test_scores_that_hold_one_number_are_that_number(kind, wrapped):
    (found,) = score(lambda estimator, X, y: wrapped(kind(0.5))).values()
    assert found == 0.5
    assert type(found) is float


def test_scores_that_are_yes_or_no_are_1_or_0():
    assert score(lambda estimator, X, y: np.True_) == {"score": 1.0}
    assert score(lambda estimator, X, y: torch.tensor(False)) == {"score": 0.0}


@pytest.mark.parametrize(
    "value",
    ["good", None, 1j, [0.5], np.array([0.5, 0.5]), np.array([]), np.array("a"), torch.ones(2)],
)
def test_scores_that_are_no_numbers_are_refused_by_the_name_of_the_scorer(value):
    def mine(estimator, X, y):
        return value

    with pytest.raises(ValueError, match=r"mine returned .* must return one real number"):
        score(mine)
    with pytest.raises(ValueError, match=r"'other' returned .* must return one real number"):
        score(lambda estimator, X, y: {"other": value})


def test_which_scorers_read_predictions_only():
    for scoring in (None, "roc_auc_ovr", ["accuracy"], make_scorer(accuracy_score)):
        assert reads_predictions_only(check_scoring(NET, scoring=scoring))
    assert not reads_predictions_only(lambda estimator, X, y: 0.0)
