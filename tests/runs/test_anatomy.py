"""An estimator is taken apart, and put together again as scikit-learn has it."""

import numpy as np
import pytest
import sklearn
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sktune import MLPClassifier, MLPRegressor
from sktune.runs import head_setting
from sktune.runs.anatomy import assembled, heads, routed
from sktune.space import final_step

X, Y = load_iris(return_X_y=True)


def test_final_step():
    net = MLPClassifier()
    assert final_step(net) == ("", net)
    assert final_step(Pipeline([("a", Pipeline([("b", net)]))])) == ("a__b", net)


def test_settings_of_transformers_tell_folds_apart():
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
def test_apart_and_together_again(estimator):
    oracle = sklearn.clone(estimator).fit(X, Y)
    apart = sklearn.clone(estimator).fit(X, Y)
    whole = assembled(estimator, heads(apart), final_step(apart)[1])
    assert np.array_equal(whole.predict_proba(X), oracle.predict_proba(X))
    assert repr(whole) == repr(oracle)


def test_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        net = MLPClassifier().set_fit_request(sample_weight=True)
        of_heads, of_net = routed(make_pipeline(scaler, net), {"sample_weight": 1}, True)
    assert of_heads == [{}]
    assert of_net == {"sample_weight": 1}


def test_parameters_of_fit_go_to_the_steps_that_they_name():
    pipe = Pipeline(
        [("scale", StandardScaler()), ("p", Pipeline([("k", SelectKBest()), ("net", None)]))]
    )
    given = {"scale__sample_weight": 1, "p__k__a": 2, "p__net__sample_weight": 3, "p__net__b": 4}
    of_heads, of_net = routed(pipe, given, False)
    assert of_heads == [{"scale__sample_weight": 1}, {"k__a": 2}]
    assert of_net == {"sample_weight": 3, "b": 4}
    assert routed(MLPClassifier(), {"sample_weight": 1}, False) == ([], {"sample_weight": 1})


def test_heads_are_what_is_in_front_outermost_first():
    inner = make_pipeline(StandardScaler(), MLPClassifier())
    pipe = make_pipeline(SelectKBest(k=2), make_pipeline(inner))
    found = heads(pipe)
    assert [type(head.steps[0][1]) for head in found] == [SelectKBest, StandardScaler]
    assert heads(MLPClassifier()) == heads(make_pipeline(MLPClassifier())) == []


def test_a_head_transforms_even_if_its_last_step_learns_nothing():
    (head,) = heads(make_pipeline(FunctionTransformer(np.sqrt), MLPClassifier()))
    assert np.array_equal(head.transform(X), np.sqrt(X))
    rows, targets = head.fit_transform(X, Y)
    assert np.array_equal(rows, np.sqrt(X))
    assert targets is Y


def test_a_net_behind_transformed_targets_is_put_together():
    net = MLPRegressor(max_epochs=2, random_state=0)
    whole = make_pipeline(
        StandardScaler(), TransformedTargetRegressor(net, transformer=StandardScaler())
    )
    y, blank = X[:, 0] * 100, sklearn.clone(whole)
    oracle = sklearn.clone(whole).fit(X[:, 1:], y)
    head, of_targets = heads(sklearn.clone(whole))
    rows, targets = head.fit_transform(X[:, 1:], y)
    net = sklearn.clone(net).fit(rows, of_targets.fit_targets(rows, targets))
    found = assembled(whole, [head, of_targets], net)
    assert np.array_equal(found.predict(X[:, 1:]), oracle.predict(X[:, 1:]))
    # the estimator that it was made from is as it was
    assert repr(whole) == repr(blank)
    assert not hasattr(whole[-1], "regressor_")
