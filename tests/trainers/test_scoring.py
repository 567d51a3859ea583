import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, check_scoring, log_loss, make_scorer

from sktune import MLPClassifier
from sktune.exceptions import DivergedError
from sktune.trainers.scoring import reads_predictions_only, scores
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


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="must return a number"):
        score(lambda estimator, X, y: "good")


def test_which_scorers_read_predictions_only():
    for scoring in (None, "roc_auc_ovr", ["accuracy"], make_scorer(accuracy_score)):
        assert reads_predictions_only(check_scoring(NET, scoring=scoring))
    assert not reads_predictions_only(lambda estimator, X, y: 0.0)
