"""Hyperband and asynchronous halving, end to end, and what all searches have in common."""

import time

import numpy as np
import pytest
from joblib import parallel_config
from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import (
    ParameterGrid,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import (
    AsyncHalvingSearchCV,
    HyperbandSearchCV,
    MLPClassifier,
    SuccessiveHalvingSearchCV,
    best_score,
    one_standard_error,
)
from sktune.exceptions import AllRunsFailedError, InvalidSettingsError
from tests.user_nets import same_bits

X, Y = load_iris(return_X_y=True)
SPACE = {
    "mlpclassifier__lr": loguniform(1e-3, 1e-1),
    "mlpclassifier__width": [8, 16],
    "mlpclassifier__dropout": uniform(0, 0.5),
}
FAMILY = [SuccessiveHalvingSearchCV, HyperbandSearchCV, AsyncHalvingSearchCV]


def pipe():
    return make_pipeline(StandardScaler(), MLPClassifier(random_state=0))


def search(kind, space=SPACE, **settings):
    settings = {"max_resources": 9, "cv": 3, "random_state": 0, **settings}
    return kind(pipe(), space, **settings)


def scores(found):
    """Return the scores of each run at each resource."""
    return {
        (r["candidate_id"], r["fold"], r["n_resources"]): r["test_score"] for r in found.history_
    }


@pytest.fixture(scope="module")
def hyperband():
    return search(HyperbandSearchCV).fit(X, Y)


@pytest.fixture(scope="module")
def asha():
    return search(AsyncHalvingSearchCV, n_candidates=15).fit(X, Y)


class TestHyperband:
    def test_the_plan_is_what_happens(self, hyperband):
        trained = {}
        for record in hyperband.history_:
            run = record["candidate_id"], record["fold"]
            assert record["n_resources"] > trained.get(run, 0)
            trained[run] = record["n_resources"]
        assert sum(trained.values()) == 3 * hyperband.plan().epochs
        assert hyperband.n_candidates_ == [9, 3, 1, 5, 1, 3]
        assert hyperband.n_resources_ == [1, 3, 9, 3, 9, 9]
        assert hyperband.stop_reason_ == "finished"

    def test_the_best_is_that_of_all_brackets(self, hyperband):
        results = hyperband.cv_results_
        full = results["n_resources"] == 9
        assert hyperband.best_score_ == results["mean_test_score"][full].max()
        assert results["rank_test_score"][hyperband.best_index_] == 1
        assert set(results["rank_test_score"][full]) == set(range(1, full.sum() + 1))
        assert results["bracket"].tolist() == sorted(results["bracket"])

    def test_the_refitted_estimator_is_a_plain_fit(self, hyperband):
        best = clone(pipe()).set_params(**hyperband.best_params_, mlpclassifier__max_epochs=9)
        assert same_bits(hyperband.best_estimator_[-1], best.fit(X, Y)[-1])

    @pytest.mark.parametrize(("backend", "n_jobs"), [("loky", 2), ("threading", 3)])
    def test_the_same_answer_for_any_workers(self, hyperband, backend, n_jobs):
        with parallel_config(backend, n_jobs=n_jobs):
            found = search(HyperbandSearchCV).fit(X, Y)
        assert scores(found) == scores(hyperband)
        assert found.best_params_ == hyperband.best_params_

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_the_same_answer_with_a_model(self, n_jobs):
        pytest.importorskip("optuna", reason="sktune[optuna] is not installed")
        settings = {"sampler": "tpe", "max_resources": 9, "cv": 2}
        alone = search(HyperbandSearchCV, **settings).fit(X, Y)
        with parallel_config("loky", n_jobs=n_jobs):
            found = search(HyperbandSearchCV, **settings).fit(X, Y)
        assert scores(found) == scores(alone)

    def test_a_finite_space_is_shared_by_the_brackets(self):
        space = {"mlpclassifier__lr": [0.01, 0.02, 0.05], "mlpclassifier__width": [4, 8, 16, 32]}
        found = search(HyperbandSearchCV, space).fit(X, Y)
        assert sum(row["n_candidates"] for row in found.plan() if row["rung"] == 0) == 12
        tried = [
            found.cv_results_["params"][i] for i in np.flatnonzero(found.cv_results_["rung"] == 0)
        ]
        assert all(point in tried for point in ParameterGrid(space))

    def test_a_target_ends_it(self):
        found = search(HyperbandSearchCV, target_score=0.5).fit(X, Y)
        assert found.stop_reason_ == "target_score"
        assert set(found.cv_results_["bracket"]) == {0}
        assert found.best_score_ >= 0.5

    def test_patience_ends_it(self):
        found = search(HyperbandSearchCV, n_iterations=5, patience=2).fit(X, Y)
        assert found.stop_reason_ == "patience"
        results, tops = found.cv_results_, []
        for bracket in range(results["bracket"].max() + 1):
            mine = (results["bracket"] == bracket) & (results["n_resources"] == 9)
            tops.append(results["mean_test_score"][mine].max())
        assert max(tops[-2:]) <= max(tops[:-2])


class TestAsynchronous:
    def test_each_candidate_scores_the_same_for_any_workers(self, asha):
        with parallel_config("loky", n_jobs=2):
            found = search(AsyncHalvingSearchCV, n_candidates=15).fit(X, Y)
        one, two = scores(asha), scores(found)
        both = one.keys() & two.keys()
        assert len(both) >= 45
        assert {key: one[key] for key in both} == {key: two[key] for key in both}

    def test_one_worker_does_the_same_again(self, asha):
        assert scores(search(AsyncHalvingSearchCV, n_candidates=15).fit(X, Y)) == scores(asha)

    def test_scores_are_those_of_synchronous_halving(self):
        # a whole rung of one structure is one stack there, and dropout draws the same masks
        space = {**SPACE, "mlpclassifier__dropout": [0.0]}
        settings = {"n_candidates": 9, "stacking": False}
        one = scores(search(AsyncHalvingSearchCV, space, **settings).fit(X, Y))
        two = scores(search(SuccessiveHalvingSearchCV, space, **settings).fit(X, Y))
        both = one.keys() & two.keys()
        assert len(both) >= 27 + 3
        assert {key: one[key] for key in both} == {key: two[key] for key in both}

    def test_promotions_go_up_rung_by_rung(self, asha):
        assert asha.n_candidates_[0] == 15
        assert asha.n_candidates_[1] >= 5
        assert asha.cv_results_["n_resources"][asha.best_index_] == 9
        assert asha.predict(X).shape == Y.shape

    def test_patience_needs_no_number_of_candidates(self):
        found = search(
            AsyncHalvingSearchCV, n_candidates=None, patience=10, max_resources=3, cv=2
        ).fit(X, Y)
        assert found.stop_reason_ == "patience"
        assert "as many candidates" in repr(found.plan_)

    def test_something_must_end_it(self):
        with pytest.raises(InvalidSettingsError, match="would never end"):
            search(AsyncHalvingSearchCV, n_candidates=None).plan()

    def test_a_line_for_each_lead(self, capsys):
        search(AsyncHalvingSearchCV, n_candidates=6, cv=2, verbose=1).fit(X, Y)
        *lines, last = capsys.readouterr().out.splitlines()
        assert last.startswith("refit of candidate")
        assert all(line.startswith("candidate") for line in lines)
        assert lines


@pytest.mark.parametrize("kind", FAMILY)
class TestBudgets:
    def test_time_is_up(self, kind):
        many = {
            SuccessiveHalvingSearchCV: {"n_candidates": 1000},
            HyperbandSearchCV: {"n_iterations": 1000, "patience": 1000},
            AsyncHalvingSearchCV: {"n_candidates": None},
        }[kind]
        start = time.perf_counter()
        found = search(kind, cv=2, stacking=4, refit=False, time_budget=4.0, **many).fit(X, Y)
        assert 4 < time.perf_counter() - start < 30
        assert found.stop_reason_ == "time_budget"
        results = found.cv_results_
        top = results["n_resources"] == results["n_resources"].max()
        assert found.best_score_ == results["mean_test_score"][top].max()
        # of a candidate whose folds did not all finish, nothing is told
        assert not np.isnan(results["split1_test_score"]).any()

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_time_that_is_up_before_a_score_is_said(self, kind, n_jobs):
        with pytest.raises(AllRunsFailedError, match="`time_budget`=1e-09 s ended the search"):
            search(kind, time_budget=1e-9, n_jobs=n_jobs).fit(X, Y)

    def test_time_enough_changes_nothing(self, kind):
        settings = {"cv": 2, "max_resources": 3}
        assert scores(search(kind, time_budget=1e6, **settings).fit(X, Y)) == scores(
            search(kind, **settings).fit(X, Y)
        )


@pytest.mark.parametrize("kind", FAMILY)
class TestAll:
    def test_the_ensemble(self, kind):
        found = search(kind, ensemble=True, cv=2).fit(X, Y)
        assert len(found.best_estimator_.estimators) == 2
        assert found.score(X, Y) > 0.7

    def test_the_repr_builds_it(self, kind):
        found = search(kind, target_score=0.9) if kind is not FAMILY[0] else search(kind)
        assert type(found).__name__ in repr(found)
        assert clone(found).get_params().keys() == found.get_params().keys()

    def test_failures_are_values(self, kind):
        space = {"mlpclassifier__lr": [0.01, 0.02, 1e30, 0.03, 0.05]}
        settings = {"cv": 2, "max_resources": 3}
        if kind is not HyperbandSearchCV:
            settings["n_candidates"] = 5
        with pytest.warns(match="runs failed"):
            found = search(kind, space, **settings).fit(X, Y)
        assert set(found.cv_results_["status"]) == {"ok", "diverged"}
        assert found.best_params_["mlpclassifier__lr"] < 1


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (HyperbandSearchCV, {"sampler": "grid"}, "brackets fix the number"),
        (HyperbandSearchCV, {"n_iterations": 0}, "`n_iterations`=0"),
        (HyperbandSearchCV, {"patience": 0}, "`patience`=0"),
        (AsyncHalvingSearchCV, {"target_score": "high"}, "`target_score`='high'"),
        (AsyncHalvingSearchCV, {"n_candidates": -1}, "`n_candidates`=-1"),
        (SuccessiveHalvingSearchCV, {"time_budget": -1}, "`time_budget`=-1"),
    ],
)
def test_mistakes_have_a_way_out(kind, settings, message):
    with pytest.raises(InvalidSettingsError, match=message):
        search(kind, **settings).plan()


class TestOneSplit:
    """A single split, by whatever says so, works with every option."""

    SPACE = {"mlpclassifier__lr": [0.1, 0.01], "mlpclassifier__width": [4, 8]}
    HELD_OUT = np.arange(150) % 5 == 0

    @pytest.mark.parametrize("kind", FAMILY)
    @pytest.mark.parametrize(
        "settings",
        [
            {"refit": one_standard_error},
            {"refit": best_score},
            {"refit": "accuracy", "scoring": ["accuracy", "neg_log_loss"]},
            {"ensemble": True},
            {"return_train_score": True, "stacking": False},
            {"fold_schedule": "grow"},
            {"sampler": "sobol", "error_score": 0.0},
        ],
        ids=lambda settings: str(list(settings)),
    )
    def test_works_with_every_option(self, kind, settings):
        if not settings.keys() <= set(kind._get_param_names()):
            pytest.skip("this kind of search has no such option")
        cv = PredefinedSplit(np.where(self.HELD_OUT, 0, -1))
        found = search(kind, self.SPACE, cv=cv, max_resources=3, **settings).fit(X, Y)
        rows, index = found.cv_results_, found.best_index_
        name = found._ranked_by
        assert found.n_splits_ == 1
        np.testing.assert_array_equal(rows[f"mean_test_{name}"], rows[f"split0_test_{name}"])
        assert set(rows[f"std_test_{name}"]) == {0.0}
        assert rows[f"mean_test_{name}"][index] == max(
            rows[f"mean_test_{name}"][rows["n_resources"] == rows["n_resources"][index]]
        )
        assert found.predict(X).shape == (150,)

    @pytest.mark.parametrize(
        "cv",
        [
            ShuffleSplit(1, random_state=0),
            StratifiedShuffleSplit(1, random_state=0),
            [(np.flatnonzero(~HELD_OUT), np.flatnonzero(HELD_OUT))],
        ],
    )
    def test_is_said_in_any_way(self, cv):
        kind = SuccessiveHalvingSearchCV
        settings = {"sampler": "grid", "refit": one_standard_error, "max_resources": 3}
        found = search(kind, self.SPACE, cv=cv, **settings).fit(X, Y)
        ((train, valid),) = check_cv(cv).split(X, Y)
        oracle = pipe().set_params(**found.best_params_, mlpclassifier__max_epochs=3)
        expected = oracle.fit(X[train], Y[train]).score(X[valid], Y[valid])
        assert found.cv_results_["split0_test_score"][found.best_index_] == expected


class TestGrowingFolds:
    def test_low_rungs_have_fewer_folds_and_survivors_catch_up(self):
        found = search(
            SuccessiveHalvingSearchCV, n_candidates=9, cv=3, fold_schedule="grow", stacking=False
        ).fit(X, Y)
        folds = {(r["rung"], r["candidate_id"]): 0 for r in found.history_}
        for record in found.history_:
            folds[record["rung"], record["candidate_id"]] += 1
        assert {rung: n for (rung, _), n in folds.items()} == {0: 1, 1: 2, 2: 3}
        # a survivor's network on a fold that came later is as far as the others
        best = clone(pipe()).set_params(**found.best_params_, mlpclassifier__max_epochs=9)
        last = [found.cv_results_[f"split{k}_test_score"][found.best_index_] for k in range(3)]
        splits = StratifiedKFold(3).split(X, Y)
        assert last == [clone(best).fit(X[a], Y[a]).score(X[b], Y[b]) for a, b in splits]
        assert np.isnan(found.cv_results_["split2_test_score"][0])
        assert not np.isnan(found.cv_results_["mean_test_score"]).any()
        trained = {}
        for record in found.history_:
            trained[record["candidate_id"], record["fold"]] = record["n_resources"]
        assert sum(trained.values()) == found.plan().epochs

    def test_the_plan_needs_to_know_the_folds(self):
        class Foreign:
            def split(self, X, y=None, groups=None):
                return StratifiedKFold(3).split(X, y)

            def get_n_splits(self, X=None, y=None, groups=None):
                return 3

        found = search(HyperbandSearchCV, cv=Foreign(), fold_schedule="grow", max_resources=3)
        with pytest.raises(InvalidSettingsError, match="Only data can tell"):
            found.plan()
        assert [row["n_folds"] for row in found.fit(X, Y).plan_] == [2, 3, 3]


def test_grid_scripts_see_every_point_once():
    grid = {"mlpclassifier__lr": [0.01, 0.02], "mlpclassifier__width": [4, 8, 16]}
    for kind in (SuccessiveHalvingSearchCV, AsyncHalvingSearchCV):
        found = search(kind, grid, sampler="grid", max_resources=3, cv=2).fit(X, Y)
        first = found.cv_results_["rung"] == 0
        assert np.array(found.cv_results_["params"])[first].tolist() == list(ParameterGrid(grid))
