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
from sktune.runs import FoldJob, Setup, head_setting
from sktune.runs.anatomy import assembled, heads, routed
from sktune.runs.fold import prepare
from sktune.space import final_step

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


class TestAnatomy:
    def test_final_step(self):
        net = MLPClassifier()
        assert final_step(net) == ("", net)
        assert final_step(Pipeline([("a", Pipeline([("b", net)]))])) == ("a__b", net)

    def test_settings_of_transformers_tell_folds_apart(self):
        params = {"pca__n": 2, "net__lr": 0.1, "net": None}
        assert head_setting("net", params) == head_setting("net", {"pca__n": 2, "net__lr": 0.2})
        assert head_setting("net", params) != head_setting("net", {"pca__n": 3})
        # settings whose text is the same: numpy leaves the middle of a long array out
        long = [np.zeros(2000), np.zeros(2000)]
        long[1][1000] = 1
        keys = {head_setting("net", {"pca__w": array}) for array in long}
        assert len(keys) == 2
        assert head_setting("", {"lr": 0.1}) == head_setting("", {"lr": 0.2})

    @pytest.mark.parametrize(
        "estimator",
        [
            MLPClassifier(max_epochs=2, random_state=0),
            make_pipeline(StandardScaler(), MLPClassifier(max_epochs=2, random_state=0)),
            make_pipeline(
                SelectKBest(k=3),
                make_pipeline(StandardScaler(), MLPClassifier(max_epochs=2, random_state=0)),
            ),
            make_pipeline(
                make_pipeline(StandardScaler(), SelectKBest(k=3)),
                make_pipeline(MLPClassifier(max_epochs=2, random_state=0)),
            ),
        ],
    )
    def test_apart_and_together_again(self, estimator):
        oracle = sklearn.clone(estimator).fit(X, Y)
        apart = sklearn.clone(estimator).fit(X, Y)
        whole = assembled(estimator, heads(apart), final_step(apart)[1])
        assert np.array_equal(whole.predict_proba(X), oracle.predict_proba(X))
        assert repr(whole) == repr(oracle)

    def test_metadata_routing(self):
        with sklearn.config_context(enable_metadata_routing=True):
            scaler = StandardScaler().set_fit_request(sample_weight=False)
            net = MLPClassifier().set_fit_request(sample_weight=True)
            of_heads, of_net = routed(make_pipeline(scaler, net), {"sample_weight": 1}, True)
        assert of_heads == [{}]
        assert of_net == {"sample_weight": 1}
