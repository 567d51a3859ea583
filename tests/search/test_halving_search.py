"""The search, end to end, against GridSearchCV and plain fits as oracles."""

import random

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ParameterGrid,
    ParameterSampler,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sktune import Choice, Float, Int, MLPClassifier, MLPRegressor, SuccessiveHalvingSearchCV
from sktune.exceptions import AllRunsFailedError, InvalidSettingsError
from sktune.samplers import RandomSampler
from tests.user_nets import ByName, classifier, regressor, same_bits

X, Y = load_iris(return_X_y=True)
SPACE = {
    "mlpclassifier__lr": loguniform(1e-4, 1e-1),
    "mlpclassifier__width": [8, 16, 32],
    "mlpclassifier__dropout": uniform(0, 0.5),
}


def pipe(**settings):
    settings = {"random_state": 0, "max_epochs": 9, **settings}
    return make_pipeline(StandardScaler(), MLPClassifier(**settings))


def halving(estimator=None, space=None, **settings):
    settings = {"n_candidates": 9, "max_resources": 9, "cv": 3, "random_state": 0, **settings}
    estimator = pipe() if estimator is None else estimator
    return SuccessiveHalvingSearchCV(estimator, SPACE if space is None else space, **settings)


@pytest.fixture(scope="module")
def fitted():
    return halving(return_train_score=True).fit(X, Y)


@pytest.fixture(scope="module")
def fitted_alone():
    # dropout draws its masks in another way in a stack
    return halving(stacking=False).fit(X, Y)


class TestWhatIsTrained:
    def test_the_plan_is_what_happens(self, fitted):
        assert list(fitted.plan_) == list(fitted.plan())
        reached = {}
        for record in fitted.history_:
            key = record["candidate_id"], record["fold"]
            assert record["n_resources"] > reached.get(key, 0)
            reached[key] = record["n_resources"]
        assert sum(reached.values()) == 3 * fitted.plan().epochs

    def test_epochs_are_counted_by_the_nets_themselves(self, monkeypatch):
        epochs = []
        run = MLPClassifier.run_single_epoch
        monkeypatch.setattr(
            MLPClassifier,
            "run_single_epoch",
            lambda self, iterator, training, **more: (
                (training and epochs.append(1)) or run(self, iterator, training, **more)
            ),
        )
        search = halving(refit=False).fit(X, Y)
        assert len(epochs) == 3 * search.plan().epochs

    def test_candidates_are_those_of_scikit_learns_random_search(self, fitted):
        drawn = list(ParameterSampler(SPACE, 9, random_state=0))
        first = fitted.cv_results_["iter"] == 0
        assert np.array(fitted.cv_results_["params"])[first].tolist() == drawn

    def test_the_last_rung_scores_what_plain_fits_score(self, fitted_alone):
        fitted = fitted_alone
        best = clone(pipe()).set_params(**fitted.best_params_)
        oracle = cross_val_score(best, X, Y, cv=3)
        row = fitted.best_index_
        folds = [fitted.cv_results_[f"split{fold}_test_score"][row] for fold in range(3)]
        assert folds == oracle.tolist()

    def test_every_rung_scores_what_plain_fits_of_that_length_score(self, fitted_alone):
        fitted = fitted_alone
        splits = list(StratifiedKFold(3).split(X, Y))
        for record in fitted.history_[::5]:
            train, valid = splits[record["fold"]]
            net = pipe().set_params(**fitted.cv_results_["params"][record["candidate_id"]])
            rows = net[0].fit_transform(X[train])
            # the schedule is laid out for 9 epochs, of which these are the first
            for _ in range(record["n_resources"]):
                net[-1].partial_fit(rows, Y[train])
            assert net[-1].score(net[0].transform(X[valid]), Y[valid]) == record["test_score"]

    def test_the_refitted_estimator_is_a_plain_fit(self, fitted):
        oracle = clone(pipe()).set_params(**fitted.best_params_).fit(X, Y)
        assert same_bits(fitted.best_estimator_[-1], oracle[-1])
        assert np.array_equal(fitted.predict_proba(X), oracle.predict_proba(X))
        assert fitted.score(X, Y) == oracle.score(X, Y)

    def test_transformers_are_fitted_once_per_fold(self, monkeypatch):
        fits = []
        fit = StandardScaler.fit
        monkeypatch.setattr(
            StandardScaler, "fit", lambda s, X, y=None, **k: fits.append(1) or fit(s, X, y, **k)
        )
        halving(refit=False).fit(X, Y)
        assert len(fits) == 3

    def test_transformers_are_fitted_once_per_setting_of_their_own(self, monkeypatch):
        fits = []
        fit = PCA.fit_transform
        monkeypatch.setattr(
            PCA, "fit_transform", lambda s, X, y=None: fits.append(s.n_components) or fit(s, X, y)
        )
        estimator = make_pipeline(PCA(), MLPClassifier(random_state=0))
        space = {"pca__n_components": [2, 3], "mlpclassifier__lr": [0.01, 0.02, 0.05]}
        search = halving(estimator, space, n_candidates=6, refit=False).fit(X, Y)
        assert sorted(fits) == [2] * 3 + [3] * 3
        assert len(search.cv_results_["params"]) == 6 + 2

    def test_the_splits_are_drawn_once(self):
        class Spy(KFold):
            calls = 0

            def split(self, *args, **kwargs):
                type(self).calls += 1
                return super().split(*args, **kwargs)

        halving(cv=Spy(3, shuffle=True)).fit(X, Y)
        assert Spy.calls == 1


class TestResults:
    def test_columns_are_those_of_scikit_learn_and_ours(self, fitted):
        oracle = GridSearchCV(pipe(), {k: [0.1] for k in SPACE}, cv=3, return_train_score=True)
        oracle.set_params(param_grid={"mlpclassifier__width": [8]}).fit(X, Y)
        ours = {"iter", "n_resources", "candidate_id", "bracket", "rung", "status", "error"}
        ours |= {"n_parameters"}
        params = {f"param_{name}" for name in SPACE}
        expected = {k for k in oracle.cv_results_ if not k.startswith("param_")} | ours | params
        assert set(fitted.cv_results_) == expected
        assert {len(column) for column in fitted.cv_results_.values()} == {13}
        assert isinstance(pd.DataFrame(fitted.cv_results_)["mean_test_score"].max(), float)

    def test_means_deviations_and_ranks(self, fitted):
        results = fitted.cv_results_
        folds = np.array([results[f"split{fold}_test_score"] for fold in range(3)])
        assert np.allclose(results["mean_test_score"], folds.mean(axis=0))
        assert np.allclose(results["std_test_score"], folds.std(axis=0))
        assert results["rank_test_score"][fitted.best_index_] == 1
        assert results["rung"][fitted.best_index_] == 2
        assert sorted(results["rank_test_score"]) == list(range(1, 14))

    def test_attributes(self, fitted):
        assert fitted.n_resources_ == [1, 3, 9]
        assert fitted.n_candidates_ == [9, 3, 1]
        assert fitted.n_remaining_candidates_ == 1
        assert fitted.n_iterations_ == fitted.n_required_iterations_ == 3
        assert fitted.n_possible_iterations_ == 3
        assert (fitted.min_resources_, fitted.max_resources_) == (1, 9)
        assert fitted.n_splits_ == 3
        assert fitted.classes_.tolist() == [0, 1, 2]
        assert fitted.n_features_in_ == 4
        assert fitted.stop_reason_ == "finished"
        assert fitted.refit_time_ > 0
        assert not fitted.multimetric_
        assert fitted.best_params_ == fitted.cv_results_["params"][fitted.best_index_]
        assert fitted.best_score_ == fitted.cv_results_["mean_test_score"][fitted.best_index_]

    def test_names_of_features(self):
        frame = pd.DataFrame(X, columns=list("abcd"))
        assert halving().fit(frame, Y).feature_names_in_.tolist() == list("abcd")

    def test_history_has_a_record_per_run_and_rung(self, fitted):
        assert len(fitted.history_) == 3 * 13
        names = ["candidate_id", "fold", "bracket", "rung", "n_resources", "test_score"]
        names += [
            "train_score",
            "n_parameters",
            "fit_time",
            "score_time",
            "end_time",
            "stack_size",
            "status",
            "error",
        ]
        assert list(fitted.history_[0]) == names


class TestChoosing:
    def test_without_a_refit(self):
        search = halving(refit=False).fit(X, Y)
        assert search.best_params_.keys() == SPACE.keys()
        assert not hasattr(search, "best_estimator_")
        with pytest.raises(AttributeError, match="no attribute 'predict'") as caught:
            search.predict(X)
        assert "set `refit` and fit again" in str(caught.value.__cause__)

    @pytest.mark.parametrize("scoring", [["accuracy", "neg_log_loss"], {"neg_log_loss", "r2"}])
    def test_the_metric_named_by_refit_decides(self, scoring):
        search = halving(scoring=scoring, refit="neg_log_loss").fit(X, Y)
        results = search.cv_results_
        last = results["rung"] == 2
        assert search.multimetric_
        assert search.best_score_ == results["mean_test_neg_log_loss"][last].max()
        first = np.argsort(-results["mean_test_neg_log_loss"][:9])[:3]
        assert sorted(results["candidate_id"][results["rung"] == 1]) == sorted(first)
        assert search.score(X, Y) == search.scorer_["neg_log_loss"](search, X, Y)

    def test_a_dict_of_metrics_and_no_refit(self):
        search = halving(scoring={"a": "accuracy", "b": "f1_macro"}, refit=False).fit(X, Y)
        assert "mean_test_b" in search.cv_results_
        assert not hasattr(search, "best_index_")

    def test_a_callable_chooses_the_row(self):
        def cheapest(results):
            last = results["rung"] == results["rung"].max()
            width = np.where(last, results["param_mlpclassifier__width"].astype(int), 10**6)
            return int(width.argmin())

        search = halving(refit=cheapest, n_candidates=5, max_resources=3).fit(X, Y)
        last = [p["mlpclassifier__width"] for p in search.cv_results_["params"][5:]]
        assert search.best_params_["mlpclassifier__width"] == min(last)
        assert not hasattr(search, "best_score_")
        assert search.predict(X).shape == (150,)

    @pytest.mark.parametrize(("answer", "error"), [(0.5, TypeError), (99, IndexError)])
    def test_a_callable_that_chooses_no_row(self, answer, error):
        with pytest.raises(error, match="`refit` callable returned"):
            halving(refit=lambda results: answer).fit(X, Y)

    def test_a_callable_may_see_the_whole_pipeline(self):
        def judge(estimator, rows, y):
            assert list(estimator.named_steps) == ["standardscaler", "mlpclassifier"]
            assert rows.max() > 5  # not scaled
            return {"acc": accuracy_score(y, estimator.predict(rows)), "n": float(len(y))}

        search = halving(scoring=judge, refit="acc", error_score="raise").fit(X, Y)
        oracle = halving().fit(X, Y)
        assert search.best_score_ == oracle.best_score_
        assert set(search.cv_results_["mean_test_n"]) == {50.0}
        assert search.score(X, Y) == oracle.score(X, Y)

    def test_the_ensemble_averages_the_fold_networks(self):
        search = halving(ensemble=True, stacking=False).fit(X, Y)
        best = pipe().set_params(**search.best_params_)
        folds = [clone(best).fit(X[t], Y[t]) for t, _ in StratifiedKFold(3).split(X, Y)]
        oracle = np.mean([net.predict_proba(X) for net in folds], axis=0)
        assert np.allclose(search.predict_proba(X), oracle)
        assert search.best_estimator_.predict(X).tolist() == oracle.argmax(axis=1).tolist()
        assert search.n_features_in_ == 4

    def test_the_ensemble_is_of_the_next_in_rank_when_a_fold_of_the_first_fails(self):
        broken = set()

        def judge(estimator, X, y):
            if len(estimator.history_) == 3 and len(y) == 40 and broken <= {estimator.width}:
                broken.add(estimator.width)
                raise ValueError("the last fold breaks in the last rung")
            return estimator.score(X, y)

        folds = [(np.arange(100), np.arange(100, 150)), (np.arange(110), np.arange(110, 150))]
        net = MLPClassifier(lr=0.01, random_state=0)
        order = np.random.RandomState(0).permutation(150)
        search = halving(
            net, {"width": [8, 16, 32]}, max_resources=3, cv=folds, ensemble=True, scoring=judge
        )
        with pytest.warns(FitFailedWarning):
            search.fit(X[order], Y[order])
        assert search.best_params_["width"] not in broken
        assert [len(net.history_) for net in search.best_estimator_.estimators] == [3, 3]

    def test_the_ensemble_of_an_eliminated_candidate_is_refused(self):
        with pytest.raises(InvalidSettingsError, match="candidate's last row"):
            halving(ensemble=True, refit=lambda results: 0).fit(X, Y)

    @pytest.mark.parametrize(
        ("refit", "rank_by"), [("b", "b"), (False, "a"), (lambda results: 3, "a")]
    )
    def test_a_callable_scoring_may_return_several_metrics(self, refit, rank_by):
        search = halving(
            scoring=lambda e, X, y: {"a": e.score(X, y), "b": -e.score(X, y)}, refit=refit
        ).fit(X, Y)
        assert search.multimetric_
        kept = search.cv_results_["candidate_id"][search.cv_results_["rung"] == 1]
        scores = search.cv_results_[f"mean_test_{rank_by}"][:9]
        assert scores[kept].min() >= np.sort(scores)[-3]

    def test_a_scorer_and_a_name_for_it(self):
        scorer = make_scorer(accuracy_score)
        assert halving(scoring=scorer, refit="accuracy").fit(X, Y).best_score_ > 0.5

    def test_several_metrics_and_refit_true_are_refused(self):
        with pytest.raises(AllRunsFailedError, match="must name one of the metrics"):
            halving(scoring=lambda e, X, y: {"a": 1.0, "b": 2.0}).fit(X, Y)

    def test_train_scores_see_what_test_scores_see(self):
        seen = []

        def judge(estimator, rows, y):
            seen.append((list(estimator.named_steps), len(y), float(np.max(rows))))
            return 0.5

        halving(scoring=judge, return_train_score=True, n_candidates=3, max_resources=1).fit(X, Y)
        assert {names[0] for names, _, _ in seen} == {"standardscaler"}
        assert sorted({n for _, n, _ in seen}) == [50, 100]
        assert min(top for *_, top in seen) > 5

    def test_the_ensemble_of_a_regression(self):
        data, y = load_diabetes(return_X_y=True)
        net = MLPRegressor(random_state=0, lr=0.01)
        search = halving(net, {"lr": [0.01, 0.02]}, ensemble=True).fit(data, y)
        assert search.predict(data).shape == y.shape
        assert search.score(data, y) > 0.3


class TestEstimators:
    def test_the_suggested_space(self):
        search = halving(space="auto").fit(X, Y)
        assert len(search.best_params_) == 6

    def test_a_users_net_in_a_pipeline(self):
        net = classifier(module__dropout=0.2)
        names = np.array(["setosa", "versicolor", "virginica"])
        space = {"neuralnetclassifier__lr": Float(1e-3, 0.1, log=True)}
        space["neuralnetclassifier__module__width"] = Choice([8, 16])
        search = halving(make_pipeline(StandardScaler(), net), space).fit(X, names[Y])
        assert search.score(X, names[Y]) > 0.9
        assert set(search.predict(X)) <= set(names)
        assert search.predict_proba(X).shape == (150, 3)
        assert isinstance(search.best_estimator_[-1], type(net))

    def test_a_users_regressor_alone(self):
        data, y = load_diabetes(return_X_y=True)
        net = regressor(module__n_in=10)
        search = halving(net, {"lr": [0.01, 0.02, 0.03]}, max_resources=30)
        search.fit(data, (y - y.mean()) / y.std())
        assert search.best_score_ > 0.3
        assert search.predict(data).shape == y.shape

    def test_columns_of_different_kinds(self):
        frame = pd.DataFrame({"a": X[:, 2], "b": np.array(["p", "q", "r"])[Y]})
        columns = make_column_transformer((StandardScaler(), ["a"]), (OneHotEncoder(), ["b"]))
        columns.set_params(sparse_threshold=0)
        search = halving(make_pipeline(columns, MLPClassifier(random_state=0)), "auto")
        assert search.fit(frame, Y).score(frame, Y) > 0.9

    def test_as_a_step_and_within_cross_validation(self):
        search = halving(MLPClassifier(random_state=0), {"lr": [0.01, 0.05]}, n_candidates=2)
        scores = cross_val_score(make_pipeline(StandardScaler(), search), X, Y, cv=3, n_jobs=2)
        assert scores.mean() > 0.9

    def test_the_net_itself_can_be_searched(self):
        nets = [MLPClassifier(random_state=0), MLPClassifier(depth=0, random_state=0)]
        search = halving(space={"mlpclassifier": nets, "mlpclassifier__lr": [0.01, 0.05]})
        assert search.fit(X, Y).n_candidates_[0] == 4

    def test_every_grid_point_once(self):
        grid = {"mlpclassifier__lr": [0.01, 0.05], "mlpclassifier__width": [8, 16, 32]}
        search = halving(space=grid, sampler="grid", n_candidates="exhaust").fit(X, Y)
        assert search.cv_results_["params"][:6] == list(ParameterGrid(grid))

    def test_a_sampler_of_ones_own(self):
        class Fixed:
            def propose(self, n_candidates, history):
                start = len(history.candidates)
                return [{"mlpclassifier__width": 4 + start + i} for i in range(n_candidates)]

        search = halving(sampler=Fixed()).fit(X, Y)
        assert list(search.cv_results_["param_mlpclassifier__width"][:9]) == list(range(4, 13))

    def test_a_sampler_that_runs_dry(self):
        class Two:
            def propose(self, n_candidates, history):
                left = [{"mlpclassifier__lr": 0.01}, {"mlpclassifier__lr": 0.02}]
                return iter(left[len(history.candidates) :][:n_candidates])

        search = halving(sampler=Two()).fit(X, Y)
        assert search.n_candidates_ == [2, 2, 1]

    def test_a_sampler_with_nothing_to_propose(self):
        class Nothing:
            def propose(self, n_candidates, history):
                return []

        with pytest.raises(AllRunsFailedError, match="proposed no candidate"):
            halving(sampler=Nothing()).fit(X, Y)

    def test_sample_weight_is_cut_down_to_the_fold(self):
        weight = (Y != 2).astype(float)
        search = halving().fit(X, Y, mlpclassifier__sample_weight=weight)
        assert set(search.predict(X)) == {0, 1}

    def test_groups_reach_the_splitter(self):
        search = halving(cv=GroupKFold(3)).fit(X, Y, groups=np.arange(150) % 3)
        assert search.n_splits_ == 3

    def test_copies(self, fitted, tmp_path):
        joblib.dump(fitted, tmp_path / "search")
        copy = joblib.load(tmp_path / "search")
        assert np.array_equal(copy.predict(X), fitted.predict(X))
        assert clone(fitted).get_params(deep=False).keys() == fitted.get_params(deep=False).keys()
        assert not hasattr(clone(fitted), "cv_results_")


class TestSharedThings:
    def test_steps_given_as_values_are_cloned(self):
        scaler = StandardScaler()
        search = halving(
            space={"standardscaler": [scaler]},
            scoring=lambda estimator, X, y: float(estimator[0].mean_.mean()),
            sampler="grid",
            n_candidates="exhaust",
        ).fit(X, Y)
        means = [X[train].mean() for train, _ in StratifiedKFold(3).split(X, Y)]
        found = [search.cv_results_[f"split{fold}_test_score"][0] for fold in range(3)]
        assert found == pytest.approx(means)
        assert not hasattr(scaler, "mean_")

    def test_nets_of_different_kinds_have_their_own_way_with_labels(self):
        nets = [MLPClassifier(lr=0.05, random_state=0), classifier(lr=0.05)]
        names = np.array(["a", "b", "c"])
        for template in nets:
            estimator = make_pipeline(StandardScaler(), template).set_params()
            estimator.steps[-1] = ("net", template)
            search = halving(estimator, {"net": nets}, sampler="grid", n_candidates="exhaust")
            for labels in (names[Y], Y + 1, Y - 1):
                search.fit(X, labels)
                first = search.cv_results_["mean_test_score"][:2]
                assert first.min() > 0.5
                assert search.score(X, labels) > 0.9

    def test_attributes_of_an_earlier_fit_are_gone(self):
        search = halving(n_candidates=3).fit(pd.DataFrame(X, columns=list("abcd")), Y)
        search.set_params(refit=False, scoring=["accuracy"]).fit(X, Y)
        for name in ("feature_names_in_", "best_estimator_", "best_score_", "refit_time_"):
            assert not hasattr(search, name)


class TestInputs:
    def test_sparse_output_of_transformers(self):
        words = pd.DataFrame({"a": np.array(["p", "q", "r"])[Y], "b": ["x", "y"] * 75})
        for net in (MLPClassifier(random_state=0), classifier(module__n_in=5)):
            estimator = make_pipeline(OneHotEncoder(), net)
            search = halving(estimator, "auto", error_score="raise").fit(words, Y)
            assert search.score(words, Y) > 0.9

    def test_data_frames_between_steps(self):
        scaler = StandardScaler().set_output(transform="pandas")
        for net in (MLPClassifier(random_state=0), classifier()):
            frame = pd.DataFrame(X, columns=list("abcd"))
            search = halving(make_pipeline(scaler, net), "auto", error_score="raise")
            assert search.fit(frame, pd.Series(Y)).score(frame, Y) > 0.9

    def test_columns_by_name_for_a_users_module(self):
        frame = pd.DataFrame(X[:, :2].astype(np.float32), columns=["a", "b"])
        search = halving(classifier(ByName), {"lr": [0.01, 0.02]}, error_score="raise")
        assert search.fit(frame, Y).predict(frame).shape == (150,)

    def test_splits_may_come_from_a_generator(self):
        search = halving(cv=KFold(3).split(X), n_candidates=3).fit(X, Y)
        assert search.n_splits_ == 3

    def test_lists(self):
        search = halving(n_candidates=3).fit(X.tolist(), Y.tolist())
        assert search.predict(X.tolist()).shape == (150,)


class TestMistakes:
    def test_all_at_once_and_nothing_is_trained(self, monkeypatch):
        monkeypatch.setattr(MLPClassifier, "fit_loop", None)
        search = halving(
            factor=1,
            n_candidates=0,
            min_resources="few",
            max_resources=2.5,
            resource="minutes",
            sampler="magic",
            error_score="ignore",
            refit=3,
            n_jobs=0,
        )
        with pytest.raises(InvalidSettingsError) as caught:
            search.fit(X, Y)
        assert len(str(caught.value).splitlines()) == 9

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"min_resources": 5, "max_resources": 3}, "must not be above"),
            ({"min_resources": 10, "max_resources": "auto"}, "must not be above"),
            ({"random_state": 0.7}, "`random_state`=0.7"),
            ({"scoring": ["accuracy"]}, "must name the metric"),
            ({"scoring": ["accuracy"], "refit": "f1"}, "must be one of the metrics"),
            ({"ensemble": True, "refit": False}, "`ensemble`=True needs"),
            ({"sampler": "grid", "n_candidates": 3}, "means nothing"),
            ({"estimator": RandomForestClassifier(), "resource": "epochs"}, "skorch net"),
            ({"estimator": RandomForestClassifier(), "resource": "trees"}, "not supported"),
            ({"estimator": RandomForestClassifier(), "resource": "passes"}, "partial_fit"),
            ({"estimator": "a tree"}, "must be an estimator"),
            ({"n_candidates": "exhaust", "min_resources": "exhaust"}, "cannot be both set"),
            ({"time_budget": 0}, "`time_budget`=0"),
            ({"fold_schedule": "shrink"}, "must be 'all' or 'grow'"),
            ({"sampler": "tea"}, "'tpe'"),
            ({"space": {"mlpclassifier__max_epochs": [1]}}, "is the resource"),
            ({"space": {"mlpclassifier__widht": [1]}}, "did you mean"),
            (
                {"cv": StratifiedKFold},
                r"`cv`=StratifiedKFold is a class: write StratifiedKFold\(\)",
            ),
            ({"cv": "stratified"}, "`cv`='stratified' must be"),
            ({"estimator": MLPClassifier}, "`estimator`=MLPClassifier is a class"),
            ({"estimator": make_pipeline(StandardScaler)}, "The step 'type' of `estimator`"),
            ({"sampler": RandomSampler}, "`sampler`=RandomSampler is a class"),
            ({"scoring": "acuracy"}, "did you mean `accuracy`"),
            ({"scoring": ["mse", "auc"], "refit": False}, "(?s)mean_squared_error.*`roc_auc`"),
            ({"cv": np.int64(1)}, "`cv`=1 must be"),
            ({"max_resources": np.float64(0.5)}, "`max_resources`=0.5 must be"),
        ],
    )
    def test_with_a_way_out(self, settings, message):
        with pytest.raises(InvalidSettingsError, match=message):
            halving(**settings).plan()

    def test_bad_input_costs_no_earlier_result(self):
        search = halving().fit(X, Y)
        expected = search.predict(X)
        for bad in (
            lambda: search.fit(X * [np.inf], Y),
            lambda: search.fit(X, Y[:3]),
            lambda: search.set_params(factor=0).fit(X, Y),
        ):
            with pytest.raises(ValueError, match=r"failed|inconsistent|factor"):
                bad()
            assert np.array_equal(search.predict(X), expected)
            assert search.n_candidates_ == [9, 3, 1]


def test_the_callers_generators_are_left_alone():
    def states():
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

    before = states()
    net = make_pipeline(StandardScaler(), classifier(module__dropout=0.5))
    space = {
        "neuralnetclassifier__lr": Float(1e-3, 0.1),
        "neuralnetclassifier__batch_size": Int(8, 64),
    }
    halving(net, space).fit(X, Y)
    assert states() == before


def test_without_a_seed_each_search_draws_anew():
    drawn = [halving(random_state=None, refit=False).fit(X, Y).best_params_ for _ in range(2)]
    assert drawn[0] != drawn[1]
