"""Nets behind TransformedTargetRegressor are trained by epochs, as by scikit-learn."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler

from sktune import MLPRegressor, SuccessiveHalvingSearchCV, suggest_space
from sktune.runs import transforms_targets
from sktune.space import final_step
from tests.user_nets import regressor

X, Y = load_diabetes(return_X_y=True)
X, Y = X[:120], Y[:120]
TWO = np.stack([Y, Y[::-1]], axis=1)
NET = MLPRegressor(width=8, random_state=0, lr_schedule="constant")


def logged(net):
    return TransformedTargetRegressor(net, func=np.log, inverse_func=np.exp)


def scaled(net):
    return TransformedTargetRegressor(net, transformer=StandardScaler())


CASES = {
    "regressor__": scaled(NET),
    "regressor__mlpregressor__": logged(make_pipeline(StandardScaler(), NET)),
    "ttr__regressor__": Pipeline([("s", StandardScaler()), ("ttr", scaled(NET))]),
    "s__regressor__net__": Pipeline(
        [("s", scaled(Pipeline([("p", PowerTransformer()), ("net", NET)])))]
    ),
}


def search(estimator, prefix, **settings):
    space = {f"{prefix}lr": [0.001, 0.02], f"{prefix}weight_decay": [0.0, 0.1]}
    settings = {"sampler": "grid", "max_resources": 6, "cv": KFold(3), **settings}
    return SuccessiveHalvingSearchCV(estimator, space, random_state=0, **settings)


@pytest.mark.parametrize("stacking", ["auto", False])
@pytest.mark.parametrize("target", ["one", "two"])
@pytest.mark.parametrize("prefix", CASES)
def test_scores_are_those_of_plain_fits(prefix, target, stacking):
    y = Y if target == "one" else TWO
    scoring = {"r2": "r2", "mae": "neg_mean_absolute_error"}
    found = search(
        CASES[prefix],
        prefix,
        stacking=stacking,
        scoring=scoring,
        refit="r2",
        return_train_score=True,
    ).fit(X, y)
    assert found.plan_.epochs
    if stacking == "auto":
        assert found.stacking_["stacked"] == 12
    oracle = clone(CASES[prefix]).set_params(**found.best_params_, **{f"{prefix}max_epochs": 6})
    expected = cross_validate(oracle, X, y, cv=KFold(3), scoring=scoring, return_train_score=True)
    rows, index = found.cv_results_, found.best_index_
    for kind in ("test_r2", "test_mae", "train_r2", "train_mae"):
        ours = [rows[f"split{k}_{kind}"][index] for k in range(3)]
        np.testing.assert_allclose(ours, expected[kind], rtol=1e-3, atol=1e-4)
    best = found.best_estimator_
    np.testing.assert_allclose(best.predict(X), oracle_fit(best, prefix, X, y), rtol=1e-3)
    assert found.predict(X).shape == y.shape
    assert found.n_features_in_ == best.n_features_in_ == X.shape[1]


def oracle_fit(best, prefix, X, y):
    """Return what the same estimator predicts that scikit-learn has fitted."""
    return clone(best).set_params(**{f"{prefix}max_epochs": 6}).fit(X, y).predict(X)


def test_a_users_net_is_trained_on_transformed_targets():
    net = regressor(module__n_in=10, module__n_out=1, lr=0.01)
    found = search(scaled(net), "regressor__", max_resources=30)
    found.param_distributions = {"regressor__lr": [0.01, 0.02]}
    found.fit(X.astype(np.float32), Y)
    plain = clone(found).set_params(estimator=net, param_distributions={"lr": [0.01, 0.02]})
    plain.fit(X.astype(np.float32), Y)
    assert found.best_score_ > plain.best_score_ + 0.3


def test_the_ensemble_and_passes_work():
    found = search(CASES["regressor__"], "regressor__", ensemble=True).fit(X, Y)
    mean = np.mean([e.predict(X) for e in found.best_estimator_.estimators], axis=0)
    np.testing.assert_allclose(found.predict(X), mean)
    sgd = scaled(make_pipeline(StandardScaler(), SGDRegressor(random_state=0)))
    passes = SuccessiveHalvingSearchCV(
        sgd, {"regressor__sgdregressor__alpha": [1e-4, 1e-2]}, max_resources=9, cv=3
    ).fit(X, Y)
    assert passes.best_score_ > 0.2


def test_sample_weights_reach_the_net():
    weight = np.linspace(0, 1, len(Y))
    found = search(scaled(NET), "regressor__", scoring="r2").fit(X, Y, sample_weight=weight)
    oracle = clone(found.best_estimator_).set_params(regressor__max_epochs=6)
    np.testing.assert_allclose(
        found.predict(X), oracle.fit(X, Y, sample_weight=weight).predict(X), rtol=1e-3
    )


def test_routed_sample_weights_reach_the_net():
    with sklearn.config_context(enable_metadata_routing=True):
        net = clone(NET).set_fit_request(sample_weight=True)
        scorer = get_scorer("r2").set_score_request(sample_weight=False)
        weight = np.linspace(0, 1, len(Y))
        found = search(scaled(net), "regressor__", scoring=scorer).fit(X, Y, sample_weight=weight)
        oracle = clone(found.best_estimator_).set_params(regressor__max_epochs=6)
        expected = oracle.fit(X, Y, sample_weight=weight).predict(X)
        np.testing.assert_allclose(found.predict(X), expected, rtol=1e-3)


@pytest.mark.parametrize("prefix", CASES)
def test_the_suggested_space_has_the_prefix(prefix):
    space = suggest_space(CASES[prefix])
    assert set(space) == {prefix + name for name in suggest_space(NET)}
    found = SuccessiveHalvingSearchCV(CASES[prefix], n_candidates=2, max_resources=2, cv=2)
    assert found.fit(X, Y).plan_[-1]["n_resources"] == 2


def test_what_is_not_wrapped_is_not_taken_apart():
    path, last = final_step(TransformedTargetRegressor())
    assert path == ""
    assert type(last) is TransformedTargetRegressor
    assert not transforms_targets(make_pipeline(StandardScaler(), NET))
    assert transforms_targets(make_pipeline(StandardScaler(), scaled(NET)))
    rows = SuccessiveHalvingSearchCV(scaled(Ridge()), {"regressor__alpha": [1.0, 2.0]}, cv=3)
    assert rows.fit(X, Y).max_resources_ == len(X)
