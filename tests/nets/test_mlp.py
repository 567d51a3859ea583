import io
import pickle
import random

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler, scale

from sktune import MLPClassifier, MLPRegressor
from sktune.exceptions import InvalidSettingsError
from tests.user_nets import same_bits, weights

X, Y = load_iris(return_X_y=True)
X = scale(X)
KINDS = [MLPClassifier, MLPRegressor]


@pytest.mark.parametrize(
    "labels",
    [
        np.array([5, 7, 9]),
        np.array(["a", "b", "c"]),
        np.array(["a", "b", "c"], dtype=object),
        np.array([0.0, 1.0, 2.0]),
        np.array([-1, 0, 1], dtype=np.int8),
    ],
)
def test_labels_of_any_type(labels):
    net = MLPClassifier(lr=0.01, random_state=0).fit(X, labels[Y])
    assert net.classes_.tolist() == sorted(labels.tolist())
    assert set(net.predict(X)) <= set(labels)
    assert net.score(X, labels[Y]) > 0.95


def test_two_classes_as_bools():
    net = MLPClassifier(lr=0.01, random_state=0).fit(X, Y == 0)
    assert net.predict(X).dtype == bool
    assert net.score(X, Y == 0) == 1.0
    assert net.predict_proba(X).shape == (len(X), 2)


def test_data_frames_and_their_names():
    frame = pd.DataFrame(X, columns=list("abcd"))
    net = MLPClassifier(random_state=0).fit(frame, pd.Series(Y))
    assert net.feature_names_in_.tolist() == list("abcd")
    assert net.n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names"):
        net.predict(frame[list("dcba")])
    assert not hasattr(net.fit(X, Y), "feature_names_in_")


def test_single_and_double_precision_train_alike():
    nets = [MLPClassifier(random_state=0).fit(X.astype(t), Y) for t in (np.float32, np.float64)]
    assert np.allclose(weights(nets[0]), weights(nets[1]), atol=1e-6)


def test_small_data_are_trained_in_double_precision():
    assert MLPClassifier(batch_size=150).fit(X, Y).module_.layers[0].weight.dtype == torch.float64
    assert MLPClassifier(batch_size=149).fit(X, Y).module_.layers[0].weight.dtype == torch.float32


def test_it_learns_what_a_linear_model_learns():
    # depth 0 is logistic regression, so scikit-learn's is the oracle
    net = MLPClassifier(depth=0, lr=0.05, max_epochs=3000, batch_size=150, random_state=0)
    oracle = LogisticRegression(C=1e6, max_iter=5000).fit(X[:, :2], Y)
    proba = net.fit(X[:, :2], Y).predict_proba(X[:, :2])
    assert log_loss(Y, proba) == pytest.approx(
        log_loss(Y, oracle.predict_proba(X[:, :2])), rel=0.05
    )


def test_regression_on_any_scale():
    data, y = load_diabetes(return_X_y=True)
    train, test, y_train, y_test = train_test_split(scale(data), y, random_state=0)
    oracle = Ridge(alpha=1.0).fit(train, y_train).score(test, y_test)
    for factor, shift in [(1, 0), (1e6, 0), (1e-6, 1e3)]:
        net = MLPRegressor(depth=0, lr=0.02, random_state=0).fit(train, factor * y_train + shift)
        assert net.score(test, factor * y_test + shift) == pytest.approx(oracle, abs=0.03)


def test_several_targets():
    data, y = load_diabetes(return_X_y=True)
    both = np.column_stack([y, -3 * y])
    net = MLPRegressor(random_state=0, lr=0.01).fit(data, both)
    assert net.predict(data).shape == both.shape
    assert r2_score(both, net.predict(data)) > 0.4
    assert MLPRegressor(max_epochs=1).fit(data, y[:, None]).predict(data).shape == (len(y), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_weighs_what_its_copies_weigh(kind):
    weight = np.random.RandomState(0).randint(0, 3, len(X))
    settings = {"batch_size": 1000, "max_epochs": 20, "lr": 0.01, "random_state": 0}
    weighted = kind(**settings).fit(X, Y, sample_weight=weight)
    copied = kind(**settings).fit(np.repeat(X, weight, axis=0), np.repeat(Y, weight))
    assert np.allclose(weights(weighted), weights(copied), atol=1e-7)
    unweighted = kind(**settings).fit(X, Y)
    assert not np.allclose(weights(weighted), weights(unweighted), atol=1e-4)


def test_weights_that_cannot_weigh_are_refused():
    for weight in (np.zeros(len(X)), -np.ones(len(X)), np.ones(3)):
        with pytest.raises(ValueError, match=r"(?i)sample.weight|Negative values"):
            MLPClassifier().fit(X, Y, sample_weight=weight)


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("n_rows", [1, 33, 49])
def test_a_last_batch_of_one_row(normalization, n_rows):
    net = MLPRegressor(normalization=normalization, batch_size=16, max_epochs=3, random_state=0)
    assert np.isfinite(net.fit(X[:n_rows], Y[:n_rows]).predict(X)).all()


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "elu", "leaky_relu", "tanh"])
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "rmsprop"])
def test_every_setting_learns(activation, optimizer):
    lr = 0.05 if optimizer == "sgd" else 0.01
    net = MLPClassifier(activation=activation, optimizer=optimizer, lr=lr, random_state=0)
    assert net.fit(X, Y).score(X, Y) > 0.9


@pytest.mark.parametrize("lr_schedule", ["constant", "cosine", "onecycle"])
@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_goes_on_exactly(kind, lr_schedule):
    def net():
        return kind(
            dropout=0.3, batch_size=16, max_epochs=6, lr_schedule=lr_schedule, random_state=0
        )

    straight, stepwise = net().fit(X, Y), net()
    for _ in range(6):
        stepwise = pickle.loads(pickle.dumps(stepwise.partial_fit(X, Y)))
    assert same_bits(straight, stepwise) == (lr_schedule == "constant")


def test_partial_fit_with_classes_to_come():
    net = MLPClassifier(random_state=0).partial_fit(X[:50], Y[:50], classes=[0, 1, 2])
    assert net.predict_proba(X).shape == (150, 3)
    assert net.partial_fit(X, Y).classes_.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"labels \[3\]"):
        net.partial_fit(X, Y + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_trains_the_same_network(kind):
    nets = [kind(dropout=0.5, random_state=1).fit(X, Y) for _ in range(2)]
    assert same_bits(*nets)
    assert not same_bits(nets[0], kind(dropout=0.5, random_state=2).fit(X, Y))


def test_a_random_state_object_is_drawn_from():
    rng = np.random.RandomState(0)
    nets = [MLPClassifier(max_epochs=1, random_state=rng).fit(X, Y) for _ in range(2)]
    assert not same_bits(*nets)


def states():
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_the_global_generators_are_left_alone(kind):
    before = states()
    net = kind(dropout=0.5, random_state=0).fit(X, Y)
    net.predict(X)
    net.partial_fit(X, Y)
    assert states() == before


def test_without_a_random_state_torchs_generator_decides():
    nets = []
    for _ in range(2):
        torch.manual_seed(0)
        nets.append(MLPClassifier(dropout=0.5).fit(X, Y))
    assert same_bits(*nets)
    assert not same_bits(nets[0], MLPClassifier(dropout=0.5).fit(X, Y))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fitted", [False, True])
def test_copies(kind, fitted, tmp_path):
    net = kind(lr_schedule="onecycle", max_epochs=2, random_state=0)
    net = net.fit(X, Y) if fitted else net
    joblib.dump(net, tmp_path / "net")
    buffer = io.BytesIO(pickle.dumps(net))
    for copy in (joblib.load(tmp_path / "net"), pickle.load(buffer)):
        assert repr(copy) == repr(net)
        if fitted:
            assert np.array_equal(copy.predict(X), net.predict(X))
    assert clone(net).get_params() == net.get_params()


def test_repr_builds_the_object():
    net = MLPRegressor(depth=3, dropout=0.1, lr_schedule="constant")
    assert eval(repr(net)).get_params() == net.get_params()


def test_all_mistakes_at_once():
    net = MLPClassifier(
        depth=-1,
        width=0,
        dropout=1.0,
        activation="step",
        normalization="group",
        lr=0,
        batch_size=0.5,
        max_epochs=True,
        weight_decay=-1,
        optimizer="lbfgs",
        lr_schedule="linear",
        device="abacus",
        random_state=-1,
        verbose="loud",
    )
    with pytest.raises(InvalidSettingsError) as caught:
        net.fit(X, Y)
    lines = str(caught.value).splitlines()
    assert len(lines) == 14
    assert all(line.startswith("`") and " must be " in line for line in lines)


def test_bad_input_costs_no_earlier_result():
    net = MLPClassifier(lr=0.01, random_state=0).fit(X, Y)
    expected = net.predict(X)
    with pytest.raises(ValueError, match="NaN"):
        net.partial_fit(np.full_like(X, np.nan), Y)
    assert np.array_equal(net.predict(X), expected)
    for bad in (lambda: net.fit(X * np.nan, Y), lambda: net.set_params(lr=-1).fit(X, Y)):
        with pytest.raises(ValueError, match=r"NaN|`lr`"):
            bad()
        assert np.array_equal(net.predict(X), expected)


def test_verbose_prints_a_line_per_epoch(capsys):
    MLPClassifier(max_epochs=3, verbose=1).fit(X, Y)
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_they_serve_scikit_learns_own_search():
    search = GridSearchCV(MLPClassifier(lr=0.01, random_state=0), {"width": [8, 32]}, cv=3)
    assert search.fit(StandardScaler().fit_transform(X), Y).best_score_ > 0.9


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", KINDS)
def test_on_a_gpu(kind):
    net = kind(device="cuda", dropout=0.3, lr=0.01, random_state=0).fit(X, Y)
    assert net.module_.layers[0].weight.is_cuda
    assert net.score(X, Y) > 0.8
