"""Names that an estimator does not know lead to those that are meant, under any wrapper."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import MLPClassifier, MLPRegressor
from sktune.exceptions import InvalidSettingsError
from sktune.space import Space
from sktune.space.names import arguments, nearest
from tests.user_nets import classifier

PIPE = make_pipeline(StandardScaler(), MLPClassifier())
WRAPPED = {
    "": MLPClassifier(),
    "mlpclassifier__": PIPE,
    "a__mlpclassifier__": Pipeline([("s", StandardScaler()), ("a", PIPE)]),
    "regressor__mlpregressor__": TransformedTargetRegressor(
        make_pipeline(StandardScaler(), MLPRegressor()), transformer=StandardScaler()
    ),
    "t__regressor__": Pipeline([("t", TransformedTargetRegressor(MLPRegressor()))]),
    "estimator__mlpclassifier__": CalibratedClassifierCV(PIPE),
    "estimator__": BaggingClassifier(MLPClassifier()),
}
MEANT = {
    "lr": ["lr"],
    "learning_rate": ["lr"],
    "learning_rate_init": ["lr"],
    "hidden_layer_sizes": ["depth", "width"],
    "alpha": ["weight_decay"],
    "units": ["width"],
    "neurons": ["width"],
    "solver": ["optimizer"],
    "optimiser": ["optimizer"],
    "droput": ["dropout"],
    "wrong__dropout_rate": ["dropout"],
}


@pytest.mark.parametrize("prefix", WRAPPED)
@pytest.mark.parametrize("word", MEANT)
def test_words_and_prefixes_are_found(prefix, word):
    estimator = WRAPPED[prefix]
    if word not in estimator.get_params():
        assert nearest(word, estimator) == [prefix + name for name in MEANT[word]]
    for name in nearest(word, estimator):
        assert name in estimator.get_params()


@pytest.mark.parametrize("prefix", WRAPPED)
def test_a_name_that_is_near_is_preferred(prefix):
    name = prefix + "learning_rate"
    assert nearest(name, WRAPPED[prefix]) == [prefix + "lr"]


@pytest.mark.parametrize("prefix", WRAPPED)
@pytest.mark.parametrize("word", ["epochs", "n_epochs", "mlp__max_iter"])
def test_words_for_epochs_lead_to_the_search(prefix, word):
    with pytest.raises(InvalidSettingsError, match="set its `max_resources`"):
        Space({word: [1]}).check_names(WRAPPED[prefix])


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("learning_rate", "lr"),
        ("width", "module__width"),
        ("units", "module__width"),
        ("dropout_rate", "module__dropout"),
        ("alpha", "optimizer__weight_decay"),
        ("momentum", "optimizer__momentum"),
        ("optim", "optimizer"),
        ("callback", "callbacks"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "net__"])
def test_of_a_users_net_the_owner_is_found(prefix, word, name):
    net = classifier(optimizer=torch.optim.SGD)
    estimator = Pipeline([("scale", StandardScaler()), ("net", net)]) if prefix else net
    assert nearest(word, estimator) == [prefix + name]
    Space({prefix + name: [1]}).check_names(estimator)


def test_of_other_estimators():
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    assert nearest("max_iter", pipe) == ["logisticregression__max_iter"]
    assert nearest("C", pipe) == ["logisticregression__C"]
    assert nearest("lr", SGDClassifier()) == ["learning_rate"]


def test_nothing_is_made_up():
    with pytest.raises(
        InvalidSettingsError, match=r"of MLPClassifier: there are `activation`, `batch_size`"
    ):
        Space({"foo": [1]}).check_names(MLPClassifier())
    with pytest.raises(InvalidSettingsError, match="there are `mlpclassifier__activation`"):
        Space({"foo": [1]}).check_names(PIPE)


@pytest.mark.parametrize(
    ("factory", "names"),
    [
        (None, []),
        ("sgd", []),
        (partial(torch.nn.Linear, 3), ["out_features", "bias", "device", "dtype"]),
        (torch.nn.Dropout(), ["p", "inplace"]),
        (lambda width: None, ["width"]),
        (np.add, []),
    ],
)
def test_arguments_are_those_of_what_is_made(factory, names):
    assert arguments(factory) == names
