"""Law 6: a failure is a value."""

import warnings

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sktune import (
    AsyncHalvingSearchCV,
    HyperbandSearchCV,
    MLPClassifier,
    SuccessiveHalvingSearchCV,
    best_score,
    one_standard_error,
)
from sktune.exceptions import AllRunsFailedError
from tests.user_nets import NanAtEpoch, NanInEvaluation, Raises, Trouble, classifier

X, Y = load_iris(return_X_y=True)
X = scale(X)
BATCHES = -(-100 // 16)


def halving(net, space, **settings):
    settings = {"sampler": "grid", "max_resources": 9, "cv": 3, "random_state": 0, **settings}
    return SuccessiveHalvingSearchCV(net, space, **settings)


def fit(search):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        return search.fit(X, Y)


@pytest.mark.parametrize("epoch", [1, 2, 3, 4, 9])
def test_a_loss_that_turns_nan_at_an_epoch(epoch):
    net = classifier(NanAtEpoch, module__nan_from_batch=10**9)
    space = {"module__nan_from_batch": [(epoch - 1) * BATCHES, 10**9], "lr": [0.02, 0.03]}
    search = fit(halving(net, space, factor=2, max_resources=9))
    found = search.cv_results_
    bad = np.array([p["module__nan_from_batch"] < 10**9 for p in found["params"]])
    reached = found["n_resources"] >= epoch
    assert set(found["status"][bad & reached]) <= {"diverged"}
    assert set(found["status"][~(bad & reached)]) == {"ok"}
    for error in found["error"][bad & reached]:
        assert error == f"DivergedError: the loss is nan in epoch {epoch}"
    assert found["status"][found["candidate_id"] == 0][0] == ("diverged" if epoch <= 2 else "ok")


def test_the_others_are_unharmed():
    space = {"module__broken": [False, True], "lr": [0.005, 0.02, 0.05]}
    search = fit(halving(classifier(Raises), space))
    status = search.cv_results_["status"]
    assert len(set(search.cv_results_["candidate_id"][status != "ok"])) == 3
    clean = fit(halving(classifier(Raises), space | {"module__broken": [False]}))
    # the same seeds go to the same candidate numbers, whatever befalls the others
    params = [p["lr"] for p in search.cv_results_["params"][:6] if not p["module__broken"]]
    assert params == [p["lr"] for p in clean.cv_results_["params"][:3]]
    assert search.best_score_ > 0.8
    assert not search.best_params_["module__broken"]


@pytest.mark.parametrize(
    ("net", "setting", "status", "reason"),
    [
        (classifier(Raises), "module__broken", "failed", "RuntimeError: no way forward"),
        (classifier(NanInEvaluation), "module__broken", "diverged", "predictions are not finite"),
        (MLPClassifier(width=8), "depth", "failed", "`depth`='deep' must be a whole number"),
    ],
)
@pytest.mark.parametrize("error_score", [np.nan, 1.0])
@pytest.mark.parametrize("backend", ["sequential", "loky"])
def test_a_failed_candidate_is_never_promoted(net, setting, status, reason, error_score, backend):
    bad, good = ("deep", 1) if setting == "depth" else (True, False)
    search = halving(net, {setting: [bad, good]}, factor=2, error_score=error_score)
    with parallel_config(backend, n_jobs=2), pytest.warns(FitFailedWarning, match="3 of 9 runs"):
        search.fit(X, Y)
    found = search.cv_results_
    assert found["status"].tolist() == [status, "ok", "ok"]
    assert reason in found["error"][0]
    assert found["error"][1:].tolist() == ["", ""]
    assert np.array_equal(found["mean_test_score"][0], error_score, equal_nan=True)
    assert search.best_params_ == {setting: good}
    assert found["rank_test_score"].tolist() == [3, 2, 1]


def test_a_transformer_that_fails_fails_its_own_candidates_only():
    estimator = make_pipeline(SelectKBest(), MLPClassifier(random_state=0))
    space = {"selectkbest__k": [2, -1], "mlpclassifier__lr": [0.01, 0.02]}
    search = fit(halving(estimator, space))
    bad = [p["selectkbest__k"] == -1 for p in search.cv_results_["params"]]
    assert [s != "ok" for s in search.cv_results_["status"]] == bad


def test_one_failed_fold_fails_the_candidate():
    class Fussy(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            if self.with_mean and X[0, 0] == scale(load_iris().data)[50, 0]:
                raise ValueError("not these rows")
            return super().fit(X, y)

    estimator = make_pipeline(Fussy(), MLPClassifier(random_state=0))
    folds = [(np.arange(50, 150), np.arange(50)), (np.arange(0, 100), np.arange(100, 150))]
    search = halving(estimator, {"fussy__with_mean": [True, False]}, factor=2, cv=folds)
    found = fit(search).cv_results_
    assert found["status"].tolist()[:2] == ["failed", "ok"]
    assert np.isnan(found["split0_test_score"][0])
    assert np.isfinite(found["split1_test_score"][0])
    assert search.best_params_ == {"fussy__with_mean": False}


def test_if_all_fail_at_the_last_rung_there_is_no_winner():
    net = classifier(NanAtEpoch)
    space = {"module__nan_from_batch": [4 * BATCHES], "lr": [0.001, 0.02, 0.05]}
    with pytest.raises(AllRunsFailedError, match=r"(?s)9 of 18 runs failed, .*9 x Diverged"):
        fit(halving(net, space))


def test_if_all_fail_the_causes_are_counted():
    space = {"module__broken": [True], "module__width": [8, 16, -1]}
    with pytest.raises(
        AllRunsFailedError, match=r"(?s)All 9 runs failed.*6 x RuntimeError: no way"
    ):
        fit(halving(classifier(Raises), space))


@pytest.mark.parametrize("backend", ["sequential", "threading", "loky"])
def test_errors_can_be_raised(backend):
    search = halving(classifier(Raises), {"module__broken": [True]}, error_score="raise")
    with parallel_config(backend, n_jobs=2), pytest.raises(RuntimeError, match="no way") as caught:
        search.fit(X, Y)
    assert "in forward" in "".join(caught.value.__notes__)


def test_weights_that_overflow():
    class Overflowing(torch.nn.Linear):
        def forward(self, X):
            outputs = super().forward(X)
            with torch.no_grad():
                self.weight.fill_(float("inf")) if self.training else None
            return outputs

    net = classifier(Overflowing, module__in_features=4, module__out_features=3, batch_size=200)
    with pytest.raises(AllRunsFailedError, match=r"DivergedError: the (weights|loss)"):
        fit(halving(net, {"lr": [0.1]}, max_resources=1))


def test_a_failed_candidate_is_last_by_every_metric():
    search = halving(
        classifier(Raises),
        {"module__broken": [False, True]},
        scoring=["accuracy", "neg_log_loss"],
        refit="accuracy",
        error_score=0.0,
        max_resources=1,
    )
    assert fit(search).cv_results_["rank_test_neg_log_loss"].tolist() == [1, 2]


# Rungs are 1, 3 and 9 epochs. The larger a rate, the better its network after one epoch; those
# above a limit fail in the second epoch.
RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.02, 0.03, 0.04, 0.05]
SEARCHES = {
    "halving": lambda net, **s: halving(net, {"lr": RATES}, **s),
    "growing": lambda net, **s: halving(net, {"lr": RATES}, fold_schedule="grow", **s),
    "aggressive": lambda net, **s: halving(
        net, {"lr": RATES}, min_resources=3, aggressive_elimination=True, **s
    ),
    "alone": lambda net, **s: halving(net, {"lr": RATES}, stacking=False, **s),
    "hyperband": lambda net, **s: HyperbandSearchCV(
        net, {"lr": RATES}, max_resources=9, cv=3, random_state=0, **s
    ),
    "brackets in turn": lambda net, **s: HyperbandSearchCV(
        net, {"lr": RATES}, max_resources=9, cv=3, random_state=0, patience=3, **s
    ),
    "a target": lambda net, **s: HyperbandSearchCV(
        net, {"lr": RATES}, max_resources=9, cv=3, random_state=0, target_score=2.0, **s
    ),
    "asynchronous": lambda net, **s: AsyncHalvingSearchCV(
        net, {"lr": RATES}, sampler="grid", max_resources=9, cv=3, random_state=0, **s
    ),
}


def breaking(above, epoch=2):
    return classifier(callbacks=[("trouble", Trouble("error", epoch, above))])


def failed_ids(search):
    results = search.cv_results_
    return {*results["candidate_id"][results["status"] != "ok"]}


def table(search):
    columns = search.cv_results_.items()
    return repr({n: np.asarray(v).tolist() for n, v in columns if "time" not in n})


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("above", [0.015, 0.0002])
def test_a_candidate_that_fails_after_the_first_rung_is_out(kind, above):
    search = fit(SEARCHES[kind](breaking(above)))
    results, out = search.cv_results_, failed_ids(search)
    assert out
    assert all(
        p["lr"] > above
        for p, s in zip(results["params"], results["status"], strict=True)
        if s != "ok"
    )
    best = search.best_index_
    assert results["candidate_id"][best] not in out
    assert search.best_params_["lr"] <= above
    assert results["n_resources"][best] == 9
    assert results["rank_test_score"][best] == 1
    is_out = np.isin(results["candidate_id"], [*out])
    assert results["rank_test_score"][is_out].min() > results["rank_test_score"][~is_out].max()
    assert len(search.best_estimator_.history_) == 9
    # nothing is trained twice
    runs = [(r["candidate_id"], r["fold"], r["rung"]) for r in search.history_]
    assert len(runs) == len(set(runs))


@pytest.mark.parametrize("kind", ["halving", "growing", "hyperband", "brackets in turn"])
def test_the_places_are_filled_alike_by_any_number_of_workers(kind):
    one, two = (fit(SEARCHES[kind](breaking(0.015), n_jobs=n, refit=False)) for n in (1, 2))
    assert failed_ids(one)
    assert table(one) == table(two)


def test_those_that_a_storage_remembers_are_filled_alike(tmp_path):
    clean = fit(SEARCHES["halving"](breaking(0.015), refit=False))
    kept = fit(SEARCHES["halving"](breaking(0.015), refit=False, storage=tmp_path))
    assert table(kept) == table(clean)
    assert table(fit(SEARCHES["halving"](breaking(0.015), refit=False, storage=tmp_path))) == table(
        clean
    )


@pytest.mark.parametrize("error_score", [np.nan, 5.0])
@pytest.mark.parametrize(
    "refit", [True, best_score, one_standard_error, lambda r: int(r["rank_test_score"].argmin())]
)
def test_whatever_chooses_a_failed_candidate_is_not_chosen(refit, error_score):
    search = fit(SEARCHES["halving"](breaking(0.015), refit=refit, error_score=error_score))
    assert search.best_params_["lr"] <= 0.015
    results = search.cv_results_
    failed = results["status"] != "ok"
    np.testing.assert_array_equal(results["mean_test_score"][failed], error_score)
    # what was measured before stays
    first = results["mean_test_score"][results["rung"] == 0]
    assert np.all((first >= 0) & (first <= 1))


def test_a_callable_by_the_highest_mean_takes_no_failed_candidate():
    search = fit(
        SEARCHES["halving"](
            breaking(0.015), refit=lambda r: int(np.nanargmax(r["mean_test_score"]))
        )
    )
    assert search.best_params_["lr"] <= 0.015


def test_a_callable_that_takes_a_failed_candidate_is_told():
    with pytest.raises(ValueError, match=r"returned row 8, of candidate 8, which failed .*trouble"):
        fit(SEARCHES["halving"](breaking(0.015), refit=lambda r: 8))


@pytest.mark.parametrize("refit", ["accuracy", "neg_log_loss"])
def test_by_several_metrics(refit):
    scoring = ["accuracy", "neg_log_loss"]
    search = fit(SEARCHES["halving"](breaking(0.015), scoring=scoring, refit=refit))
    results = search.cv_results_
    assert search.best_params_["lr"] <= 0.015
    is_out = np.isin(results["candidate_id"], [*failed_ids(search)])
    for name in scoring:
        ranks = results[f"rank_test_{name}"]
        assert ranks[is_out].min() > ranks[~is_out].max()


def test_the_ensemble_is_of_the_next_in_rank():
    search = fit(SEARCHES["halving"](breaking(0.015), ensemble=True))
    nets = search.best_estimator_.estimators
    assert {net.lr for net in nets} == {search.best_params_["lr"]}
    assert search.best_params_["lr"] <= 0.015
    assert [len(net.history_) for net in nets] == [9, 9, 9]


@pytest.mark.slow
def test_a_lost_worker_takes_its_candidate_out():
    net = classifier(callbacks=[("trouble", Trouble("exit", 2, 0.045))])
    search = fit(SEARCHES["halving"](net, n_jobs=2, max_retries=0))
    assert failed_ids(search) == {8}
    results = search.cv_results_
    assert (results["rung"] == 1).sum() == 4
    assert search.best_params_["lr"] < 0.045


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_callbacks_are_told_of_more_waves_than_planned(n_jobs):
    callback = pytest.importorskip("sklearn.callback", reason="from scikit-learn 1.9 on")
    pytest.importorskip("rich", reason="scikit-learn's progress bar needs rich")
    search = SEARCHES["halving"](breaking(0.015), n_jobs=n_jobs, verbose=1)
    fit(search.set_callbacks(callback.ProgressBar()))
    assert search.best_params_["lr"] <= 0.015
