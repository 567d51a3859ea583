"""What stays of a search when a step after it fails."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from skorch.callbacks import Callback

from sktune import AsyncHalvingSearchCV, HyperbandSearchCV, SuccessiveHalvingSearchCV
from sktune.exceptions import AllRunsFailedError, RefitFailedError
from tests.user_nets import classifier

X, Y = load_iris(return_X_y=True)
X = scale(X).astype("f4")
LEFT = ["cv_results_", "history_", "best_params_", "best_index_", "best_score_", "stacking_"]
LEFT += ["stop_reason_", "plan_", "n_candidates_", "n_resources_", "scorer_", "classes_"]


class BreaksOnAllRows(Callback):
    """Fails in the refit, of networks with a learning rate above a limit."""

    def __init__(self, above=0.0, kind=ValueError):
        self.above, self.kind = above, kind

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        if len(y) == 150 and net.lr > self.above:
            raise self.kind("not with all rows")


def net(above=0.0, **settings):
    return classifier(callbacks=[("breaks", BreaksOnAllRows(above, **settings))])


def halving(estimator, kind=SuccessiveHalvingSearchCV, **settings):
    space = {"lr": [0.001, 0.01, 0.02, 0.05]}
    settings = {"max_resources": 3, "cv": 3, "random_state": 0, "factor": 2, **settings}
    return kind(estimator, space, **settings)


@pytest.mark.parametrize(
    "kind", [SuccessiveHalvingSearchCV, HyperbandSearchCV, AsyncHalvingSearchCV]
)
def test_a_refit_that_fails_leaves_what_was_found(kind, tmp_path):
    clean = halving(classifier(), kind, refit=False).fit(X, Y)
    search = halving(net(), kind, storage=tmp_path)
    with pytest.raises(RefitFailedError, match="ValueError: not with all rows") as caught:
        search.fit(X, Y)
    assert isinstance(caught.value.__cause__, ValueError)
    assert all(hasattr(search, name) for name in LEFT)
    assert search.best_params_ == clean.best_params_
    assert search.stop_reason_ == "finished"
    assert not hasattr(search, "best_estimator_")
    with pytest.raises(NotFittedError):
        search.predict(X)
    # a second fit trains nothing but the refit
    with pytest.raises(RefitFailedError):
        halving(net(), kind, storage=tmp_path).fit(X, Y)


def test_the_message_says_how_to_take_the_next_best():
    best = halving(classifier(), refit=False).fit(X, Y).best_params_["lr"]
    others = [rate for rate in (0.001, 0.01, 0.02, 0.05) if rate < best]
    search = halving(net(max(others)))
    with pytest.raises(RefitFailedError) as caught:
        search.fit(X, Y)
    advice = next(line for line in str(caught.value).split("; ") if line.startswith("clone("))
    told = advice.split(" trains it")[0]
    fitted = eval(told, {"clone": clone, "search": search, "X": X, "y": Y})
    ranks = search.cv_results_["rank_test_score"]
    next_best = search.cv_results_["params"][np.flatnonzero(ranks == 2)[0]]
    assert fitted.lr == next_best["lr"]
    assert fitted.predict(X).shape == (150,)


def test_the_result_of_an_earlier_fit_is_replaced_whole():
    search = halving(classifier()).fit(X, Y)
    search.set_params(estimator=net())
    with pytest.raises(RefitFailedError):
        search.fit(X, Y)
    assert not hasattr(search, "best_estimator_")
    assert not hasattr(search, "refit_time_")


def test_transformers_that_fail_on_all_rows():
    class Picky(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            if len(X) == 150:
                raise RuntimeError("too many rows")
            return super().fit(X, y)

    pipe = make_pipeline(Picky(), classifier())
    search = SuccessiveHalvingSearchCV(
        pipe, {"neuralnetclassifier__lr": [0.01, 0.02]}, n_candidates=2, max_resources=1, cv=3
    )
    with pytest.raises(RefitFailedError, match="too many rows"):
        search.fit(X, Y)
    assert search.best_params_


def test_a_callable_that_fails_leaves_the_results():
    def choose(results):
        raise KeyError("mean_test_f1")

    search = halving(classifier(), refit=choose)
    with pytest.raises(KeyError):
        search.fit(X, Y)
    assert len(search.cv_results_["params"]) > 0
    assert search.history_


def test_when_all_others_have_failed_there_is_no_next_best():
    class OneOnly(BreaksOnAllRows):
        def on_epoch_end(self, net, **kwargs):
            if net.lr != 0.001:
                raise RuntimeError("all but one")

    search = halving(classifier(callbacks=[("breaks", OneOnly())]))
    with (
        pytest.warns(FitFailedWarning),
        pytest.raises(RefitFailedError, match="No other candidate"),
    ):
        search.fit(X, Y)
    assert search.best_params_ == {"lr": 0.001}


def test_a_time_that_is_up_before_anything_is_scored_is_said():
    with pytest.raises(AllRunsFailedError, match="`time_budget`=1e-09 s ended the search before"):
        halving(classifier(), time_budget=1e-9).fit(X, Y)
