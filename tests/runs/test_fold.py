import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.metrics import check_scoring
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import MLPClassifier
from sktune.runs import FoldJob, Setup
from sktune.runs.fold import prepare

X, Y = load_iris(return_X_y=True)
TRAIN, VALID = np.arange(0, 150, 2), np.arange(1, 150, 2)


def prepared(estimator, params=None, **settings):
    setup = Setup(estimator, check_scoring(estimator), horizon=1)
    return prepare(FoldJob(setup, params or {}, X, Y, TRAIN, VALID, seed=0, **settings))


class TestPrepare:
    def test_transformers_see_training_rows_only(self):
        fold = prepared(make_pipeline(StandardScaler(), MLPClassifier()))
        oracle = StandardScaler().fit(X[TRAIN])
        assert np.array_equal(fold.train.X, oracle.transform(X[TRAIN]))
        assert np.array_equal(fold.valid.X, oracle.transform(X[VALID]))
        assert np.array_equal(fold.train.y, Y[TRAIN])
        assert np.array_equal(fold.valid.y, Y[VALID])

    def test_pipelines_within_pipelines_and_hyperparameters_of_transformers(self):
        inner = Pipeline([("scale", StandardScaler()), ("net", MLPClassifier())])
        outer = Pipeline([("select", SelectKBest(f_classif)), ("inner", inner)])
        fold = prepared(outer, {"select__k": 2})
        kept = SelectKBest(f_classif, k=2).fit(X[TRAIN], Y[TRAIN])
        oracle = StandardScaler().fit_transform(kept.transform(X[TRAIN]))
        assert np.array_equal(fold.train.X, oracle)

    def test_a_net_alone_and_a_pipeline_of_one_step(self):
        for estimator in (MLPClassifier(), make_pipeline(MLPClassifier()), silent()):
            assert np.array_equal(prepared(estimator).valid.X, X[VALID])

    def test_parameters_of_fit_are_cut_down_to_the_rows(self):
        weight = np.arange(150.0)
        given = {
            "standardscaler__sample_weight": weight,
            "mlpclassifier__sample_weight": weight,
            "mlpclassifier__note": "whole",
        }
        fold = prepared(make_pipeline(StandardScaler(), MLPClassifier()), fit_params=given)
        oracle = StandardScaler().fit(X[TRAIN], sample_weight=weight[TRAIN])
        assert np.array_equal(fold.train.X, oracle.transform(X[TRAIN]))
        assert np.array_equal(fold.fit_params["sample_weight"], weight[TRAIN])
        assert fold.fit_params["note"] == "whole"

    def test_parameters_for_no_step_are_refused(self):
        with pytest.raises(ValueError, match="mlpclassifier__sample_weight"):
            prepared(make_pipeline(MLPClassifier()), fit_params={"sample_weight": Y})

    def test_random_transformers_are_seeded_and_leave_the_global_state_alone(self):
        class Noise(TransformerMixin, BaseEstimator):
            def fit(self, X, y=None):
                return self

            def transform(self, X):
                return X + np.random.randn(*np.shape(X))

        np.random.seed(0)
        before = np.random.get_state()[1].tolist()
        folds = [prepared(make_pipeline(Noise(), MLPClassifier())) for _ in range(2)]
        assert np.array_equal(folds[0].train.X, folds[1].train.X)
        assert np.random.get_state()[1].tolist() == before

    def test_scikit_learns_configuration_reaches_the_worker(self):
        with sklearn.config_context(transform_output="pandas"):
            setup = Setup(MLPClassifier(), None, horizon=1)
        estimator = make_pipeline(StandardScaler(), MLPClassifier())
        job = FoldJob(setup, {}, X, Y, TRAIN, VALID, seed=0)
        object.__setattr__(job.setup, "estimator", estimator)
        assert hasattr(prepare(job).train.X, "columns")


def silent():
    return Pipeline([("nothing", "passthrough"), ("net", MLPClassifier())])
