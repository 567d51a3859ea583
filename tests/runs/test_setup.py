"""What runs of a search share: estimators of candidates, and settings of the workers."""

import numpy as np
import pytest
import sklearn
import torch
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sktune import MLPClassifier
from sktune.runs import Setup
from tests.user_nets import classifier

PIPE = Pipeline([("scale", StandardScaler()), ("net", MLPClassifier(width=8))])


def setup_of(estimator, **settings):
    return Setup(estimator, None, horizon=27, **settings)


def test_a_candidate_is_a_clone_with_its_parameters():
    setup = setup_of(PIPE)
    params = {"scale__with_std": False, "net__lr": 0.5}
    whole = setup.whole(params)
    assert repr(whole) == repr(sklearn.clone(PIPE).set_params(**params))
    net = setup.last(params)
    assert repr(net) == repr(MLPClassifier(width=8, lr=0.5))
    assert repr(setup.net(params)) == repr(MLPClassifier(width=8, lr=0.5, max_epochs=27))
    assert whole["net"] is not net
    assert PIPE["net"].get_params()["lr"] != 0.5


def test_a_net_alone_and_one_of_the_users():
    assert setup_of(MLPClassifier()).net({"lr": 0.5}).get_params()["lr"] == 0.5
    net = setup_of(classifier()).net({"lr": 0.5, "module__width": 3}).initialize()
    assert (net.lr, net.max_epochs) == (0.5, 27)
    assert net.module_.layers[0].out_features == 3


@pytest.mark.parametrize("name", ["whole", "last"])
def test_steps_given_as_values_are_nobodys_own(name):
    given = MLPClassifier(width=4)
    params = {"net": given, "net__lr": 0.5, "scale": MinMaxScaler()}
    setup = setup_of(PIPE)
    found = [getattr(setup, name)(params) for _ in range(2)]
    nets = [one["net"] if name == "whole" else one for one in found]
    assert all(repr(net) == repr(MLPClassifier(width=4, lr=0.5)) for net in nets)
    assert nets[0] is not nets[1]
    assert given not in nets
    assert given.get_params()["lr"] != 0.5


def test_a_step_on_the_way_to_the_net_may_be_a_parameter():
    setup = setup_of(Pipeline([("inner", make_pipeline(StandardScaler(), MLPClassifier()))]))
    other = make_pipeline(MinMaxScaler(), MLPClassifier(width=3))
    params = {"inner": other, "inner__mlpclassifier__lr": 0.5}
    assert repr(setup.last(params)) == repr(MLPClassifier(width=3, lr=0.5))


def test_callers_settings_reach_the_work_and_nothing_else():
    with sklearn.config_context(transform_output="pandas"):
        setup = setup_of(PIPE, n_threads=1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with setup.at_work():
            assert sklearn.get_config()["transform_output"] == "pandas"
            assert hasattr(StandardScaler().fit_transform(np.ones((2, 2))), "columns")
            assert torch.get_num_threads() == 1
        assert sklearn.get_config()["transform_output"] == "default"
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
