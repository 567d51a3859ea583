"""Law 5: validation rows never reach training."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from skorch.callbacks import EarlyStopping
from skorch.dataset import ValidSplit

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from tests.user_nets import Memory, classifier

N = 200


class Recorder(TransformerMixin, BaseEstimator):
    """Lets rows through, and remembers which ones it was fitted on."""

    seen: list = []

    def fit(self, X, y=None):
        self.seen.append(set(np.asarray(X)[:, 0].astype(int)))
        return self

    def transform(self, X):
        return np.asarray(X, dtype=np.float32)

    def __sklearn_is_fitted__(self):
        return True


def canary():
    """Return rows that carry their number, and labels that are coin flips."""
    rng = np.random.RandomState(0)
    return np.arange(N, dtype=np.float64)[:, None], rng.randint(0, 2, N)


@pytest.mark.parametrize("cv", [KFold(4, shuffle=True, random_state=0), KFold(4, shuffle=True)])
@pytest.mark.parametrize("train_split", [None, ValidSplit(0.25)])
def test_a_net_that_memorises_rows_guesses_on_those_held_out(cv, train_split):
    X, y = canary()
    callbacks = [EarlyStopping("train_loss", patience=50)]
    net = classifier(Memory, lr=0.5, train_split=train_split, callbacks=callbacks)
    search = SuccessiveHalvingSearchCV(
        make_pipeline(Recorder(), net),
        {"neuralnetclassifier__lr": [0.3, 0.5, 0.9]},
        max_resources=27,
        cv=cv,
        return_train_score=True,
        random_state=0,
    )
    search.fit(X, y)
    last = search.cv_results_["rung"] == search.cv_results_["rung"].max()
    assert search.cv_results_["mean_train_score"][last].min() > (0.99 if not train_split else 0.8)
    # unseen rows have random embeddings: 200 coin flips are within 0.5 +- 0.15, a leak is not
    assert np.abs(search.cv_results_["mean_test_score"] - 0.5).max() < 0.15


def test_transformers_see_training_rows_only():
    X, y = canary()
    Recorder.seen = []
    net = classifier(Memory, lr=0.5)
    space = {"neuralnetclassifier__lr": [0.3, 0.5, 0.9]}
    cv = KFold(4)
    search = SuccessiveHalvingSearchCV(
        make_pipeline(Recorder(), net), space, cv=cv, refit=False, random_state=0
    )
    search.fit(X, y)
    assert Recorder.seen == [set(train) for train, _ in cv.split(X)]


def test_a_random_splitter_gives_the_same_folds_in_all_rungs():
    X, y = canary()
    sizes = []

    def judge(estimator, rows, truth):
        sizes.append(tuple(rows[:, 0]))
        return 0.5

    net = make_pipeline(Recorder(), classifier(Memory))
    space = {"neuralnetclassifier__lr": [0.1, 0.2, 0.3]}
    search = SuccessiveHalvingSearchCV(
        net, space, cv=KFold(3, shuffle=True), scoring=judge, random_state=0
    )
    search.fit(X, y)
    assert len(sizes) == 3 * (3 + 1)
    assert len(set(sizes)) == 3


@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc_ovr", "accuracy"])
@pytest.mark.parametrize(
    "net", [MLPClassifier(random_state=0), classifier(module__n_in=4, module__n_out=3)]
)
def test_a_fold_that_lacks_a_class_scores_on_all_of_them(net, scoring):
    X, y = load_iris(return_X_y=True)
    search = SuccessiveHalvingSearchCV(
        net,
        {"lr": [0.01, 0.02]},
        max_resources=4,
        factor=2,
        cv=lacking(y),
        scoring=scoring,
        error_score="raise",
        random_state=0,
    )
    search.fit(X, y)
    assert search.classes_.tolist() == [0, 1, 2]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def lacking(y):
    """Return two folds that are trained without class 2 and validated with all classes."""
    parts = StratifiedKFold(2).split(np.zeros((150, 1)), y)
    return [(train[y[train] != 2], valid) for train, valid in parts]
