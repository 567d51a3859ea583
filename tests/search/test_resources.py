"""Any resource: passes, rows, integer parameters, of any scikit-learn estimator."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier as SklearnMLP
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktune import (
    Choice,
    HyperbandSearchCV,
    MLPClassifier,
    SuccessiveHalvingSearchCV,
    suggest_space,
)
from sktune.exceptions import InvalidSettingsError

X, Y = load_iris(return_X_y=True)


def halving(estimator, space, kind=SuccessiveHalvingSearchCV, **settings):
    settings = {"cv": 3, "random_state": 0, **settings}
    return kind(estimator, space, **settings)


def sgd(**settings):
    return make_pipeline(StandardScaler(), SGDClassifier(random_state=0, **settings))


ALPHAS = {"sgdclassifier__alpha": loguniform(1e-6, 1e-1)}


@pytest.fixture(scope="module")
def fitted():
    return halving(sgd(), ALPHAS, n_candidates=9, max_resources=9).fit(X, Y)


class TestPasses:
    def test_scores_are_those_of_plain_passes(self, fitted):
        splits = list(StratifiedKFold(3).split(X, Y))
        for record in fitted.history_:
            train, valid = splits[record["fold"]]
            pipe = sgd().set_params(**fitted.cv_results_["params"][record["candidate_id"]])
            rows = pipe[0].fit_transform(X[train])
            for _ in range(record["n_resources"]):
                pipe[1].partial_fit(rows, Y[train], classes=np.unique(Y))
            assert pipe[1].score(pipe[0].transform(X[valid]), Y[valid]) == record["test_score"]

    def test_no_pass_is_made_twice(self, monkeypatch):
        passes = []
        once = SGDClassifier.partial_fit
        monkeypatch.setattr(
            SGDClassifier,
            "partial_fit",
            lambda self, *a, **k: passes.append(1) or once(self, *a, **k),
        )
        search = halving(sgd(), ALPHAS, n_candidates=9, max_resources=9, refit=False).fit(X, Y)
        assert len(passes) == 3 * search.plan().epochs

    def test_the_refit_is_on_all_rows(self, fitted):
        pipe = sgd().set_params(**fitted.best_params_)
        rows = pipe[0].fit_transform(X)
        for _ in range(9):
            pipe[1].partial_fit(rows, Y, classes=np.unique(Y))
        assert np.array_equal(fitted.best_estimator_[1].coef_, pipe[1].coef_)
        assert fitted.predict(X).tolist() == pipe.predict(X).tolist()

    def test_own_networks_of_scikit_learn_and_the_ensemble(self):
        net = SklearnMLP((8,), random_state=0, max_iter=9, learning_rate_init=0.03)
        search = halving(net, {"alpha": [1e-4, 1e-2, 1.0]}, ensemble=True)
        assert search.plan()[-1]["n_resources"] == 9
        assert search.fit(X, Y).score(X, Y) > 0.5

    def test_estimators_without_a_seed_of_their_own(self):
        scores = [
            halving(SGDClassifier(), {"alpha": [1e-4, 1e-2]}, max_resources=3, n_jobs=n)
            .fit(X, Y)
            .cv_results_["mean_test_score"]
            .tolist()
            for n in (1, 2)
        ]
        assert scores[0] == scores[1]

    def test_regression_weights_and_groups(self):
        data, y = load_diabetes(return_X_y=True)
        search = halving(SGDRegressor(random_state=0), {"alpha": [1e-4, 1e-2]}, max_resources=3)
        search.fit(data, y, sample_weight=np.arange(len(y)) + 1.0)
        plain = halving(SGDRegressor(random_state=0), {"alpha": [1e-4, 1e-2]}, max_resources=3)
        assert search.best_score_ != plain.fit(data, y).best_score_


class TestRows:
    def test_they_are_the_default_of_what_is_fitted_at_once(self):
        search = halving(SVC(), {"C": loguniform(1e-2, 1e2)}, n_candidates=9).fit(X, Y)
        assert search.n_resources_ == [18, 50, 150] or search.n_resources_ == [50, 150]
        assert search.max_resources_ == 150
        assert search.cv_results_["n_resources"][search.best_index_] == 150

    def test_rungs_are_nested_and_in_proportion(self):
        seen = []

        class Spy(SVC):
            def fit(self, X, y):
                seen.append((X[:, 0].tolist(), np.bincount(y).tolist()))
                return super().fit(X, y)

        search = halving(Spy(), {"C": [0.1, 1.0, 10.0]}, min_resources=30, max_resources=150)
        search.set_params(cv=[(np.arange(150), np.arange(150))], refit=False).fit(X, Y)
        sizes = sorted({len(rows) for rows, _ in seen})
        assert sizes == [50, 150]
        small = [rows for rows, _ in seen if len(rows) == 50]
        large = [rows for rows, _ in seen if len(rows) == 150]
        assert all(rows == large[0][:50] for rows in small)
        assert all(max(counts) - min(counts) <= 1 for _, counts in seen)

    def test_transformers_see_the_rung_alone(self):
        seen = []

        class Spy(PCA):
            def fit_transform(self, X, y=None):
                seen.append(len(X))
                return super().fit_transform(X, y)

        pipe = make_pipeline(Spy(2), SVC())
        halving(pipe, {"svc__C": [0.1, 1.0, 10.0]}, min_resources=48, refit=False).fit(X, Y)
        assert sorted(set(seen)) == [33, 100]

    def test_the_last_rung_scores_what_plain_fits_score(self):
        search = halving(SVC(), {"C": [0.1, 1.0, 10.0]}).fit(X, Y)
        row = search.best_index_
        oracle = [
            SVC(**search.best_params_).fit(X[a], Y[a]).score(X[b], Y[b])
            for a, b in StratifiedKFold(3).split(X, Y)
        ]
        assert [search.cv_results_[f"split{k}_test_score"][row] for k in range(3)] == oracle
        assert search.score(X, Y) == SVC(**search.best_params_).fit(X, Y).score(X, Y)

    def test_weights_of_rows_follow_them(self):
        weight = np.linspace(0.1, 2, len(Y))
        search = halving(SVC(), {"C": [0.1, 1.0]}, return_train_score=True, factor=2)
        assert search.fit(X, Y, sample_weight=weight).predict(X).shape == Y.shape

    def test_the_plan_needs_numbers_before_the_data(self):
        search = halving(SVC(), {"C": [1.0, 2.0, 3.0]})
        with pytest.raises(InvalidSettingsError, match="Before `fit` has seen the data"):
            search.plan()
        plan = search.set_params(min_resources=10, max_resources=90).plan()
        assert [row["n_resources"] for row in plan] == [30, 90]
        assert "n_samples per fold" in repr(plan)


class TestParameters:
    def test_trees(self):
        forest = RandomForestClassifier(random_state=0)
        search = halving(
            forest, {"max_depth": [1, 2, 4]}, resource="n_estimators", max_resources=9
        ).fit(X, Y)
        assert search.n_resources_ == [3, 9]
        assert search.best_estimator_.n_estimators == 9
        assert "n_estimators" not in search.best_params_
        oracle = clone(forest).set_params(**search.best_params_, n_estimators=9).fit(X, Y)
        assert np.array_equal(search.predict_proba(X), oracle.predict_proba(X))

    def test_hyperband_over_trees(self):
        data, y = load_diabetes(return_X_y=True)
        forest = RandomForestRegressor(random_state=0)
        search = halving(
            forest,
            {"max_depth": [1, 2, 3, 4], "min_samples_leaf": [1, 5, 9]},
            HyperbandSearchCV,
            resource="n_estimators",
            max_resources=9,
            n_jobs=2,
        ).fit(data, y)
        assert len(search.plan_) == 3 + 2  # brackets of 9 and of the 3 that are left
        assert search.predict(data).shape == y.shape

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"resource": "n_estimators"}, "only be 'n_samples' when max_resources='auto'"),
            ({"resource": "leaves", "max_resources": 3}, "not supported by estimator"),
            ({"resource": "max_depth", "max_resources": 3}, "part of the searched parameters"),
            ({"ensemble": True}, "continued"),
            ({"resource": "epochs"}, "skorch net"),
        ],
    )
    def test_mistakes_have_a_way_out(self, settings, message):
        with pytest.raises(InvalidSettingsError, match=message):
            halving(RandomForestClassifier(), {"max_depth": [1]}, **settings).fit(X, Y)


class TestRefusedSettings:
    """Where ``partial_fit`` refuses settings that ``fit`` takes."""

    CASES = [
        (SGDClassifier(class_weight="balanced", random_state=0), {"alpha": [1e-4, 1e-3]}),
        (SGDClassifier(random_state=0), {"class_weight": ["balanced", None]}),
        (SGDClassifier(random_state=0), {"early_stopping": Choice([True, False])}),
        (SGDClassifier(random_state=0), [{"alpha": [1e-3]}, {"early_stopping": [True]}]),
        (
            make_pipeline(StandardScaler(), SGDClassifier(early_stopping=True, random_state=0)),
            {"sgdclassifier__alpha": [1e-4, 1e-3]},
        ),
        (
            make_pipeline(StandardScaler(), SGDClassifier(random_state=0)),
            {"sgdclassifier": [SGDClassifier(random_state=0), LogisticRegression()]},
        ),
    ]

    @pytest.mark.parametrize(("estimator", "space"), CASES)
    def test_rows_are_allotted(self, estimator, space):
        search = SuccessiveHalvingSearchCV(
            estimator, space, sampler="grid", min_resources=50, cv=3, random_state=0
        ).fit(X, Y)
        assert search.max_resources_ == len(X)
        assert set(search.cv_results_["status"]) == {"ok"}
        assert search.score(X, Y) > 0.6

    @pytest.mark.parametrize(("estimator", "space"), CASES)
    def test_passes_are_refused(self, estimator, space):
        search = SuccessiveHalvingSearchCV(estimator, space, resource="passes", max_resources=9)
        with pytest.raises(InvalidSettingsError, match="'passes' needs partial_fit, which refuses"):
            search.plan()

    def test_passes_that_cannot_be_are_told_of(self):
        search = SuccessiveHalvingSearchCV(*self.CASES[0], max_resources=9, cv=3)
        with pytest.raises(InvalidSettingsError, match=r"means rows here.*is not supported"):
            search.fit(X, Y)


class TestWrappedNets:
    """Nets that another estimator fits, whose epochs the search allots by name."""

    CASES = [
        (CalibratedClassifierCV(MLPClassifier(random_state=0), cv=2), "estimator__"),
        (
            CalibratedClassifierCV(
                make_pipeline(StandardScaler(), MLPClassifier(random_state=0)), cv=2
            ),
            "estimator__mlpclassifier__",
        ),
        (
            make_pipeline(StandardScaler(), BaggingClassifier(MLPClassifier(), 2, random_state=0)),
            "baggingclassifier__estimator__",
        ),
    ]

    @pytest.mark.parametrize(("estimator", "prefix"), CASES)
    def test_are_fitted_for_the_epochs_of_the_rung(self, estimator, prefix):
        space = {f"{prefix}lr": [0.001, 0.05]}
        search = halving(estimator, space, sampler="grid", max_resources=4, factor=2).fit(X, Y)
        assert [row["n_resources"] for row in search.plan_] == [2, 4]
        assert search.stacking_["reasons"] == {"it is fitted anew at each rung": 6}
        oracle = clone(estimator).set_params(**search.best_params_, **{f"{prefix}max_epochs": 4})
        scores = cross_val_score(oracle, X, Y, cv=StratifiedKFold(3))
        rows = search.cv_results_
        assert [rows[f"split{k}_test_score"][search.best_index_] for k in range(3)] == list(scores)

    @pytest.mark.parametrize(("estimator", "prefix"), CASES)
    def test_have_a_suggested_space_and_a_length_of_their_own(self, estimator, prefix):
        search = halving(estimator, "auto")
        names = set(suggest_space(MLPClassifier()))
        assert set(suggest_space(estimator)) == {prefix + name for name in names}
        assert search.plan()[-1]["n_resources"] == MLPClassifier().max_epochs

    def test_are_not_searched_for_their_epochs(self):
        estimator, prefix = self.CASES[0]
        with pytest.raises(InvalidSettingsError, match="as the resource since it is part"):
            halving(estimator, {f"{prefix}max_epochs": [1, 2]}).plan()
