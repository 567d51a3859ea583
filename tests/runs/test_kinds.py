"""Our nets and a user's answer the same questions."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.datasets import load_iris
from sklearn.metrics import check_scoring

from sktune import ConvNetClassifier, MLPClassifier, MLPRegressor
from sktune.nets.sparse import SparseRows
from sktune.runs import Part, PreparedFold, Setup
from sktune.runs.kinds import kind_of
from sktune.runs.run import ready
from tests.user_nets import classifier

X, Y = load_iris(return_X_y=True)
NETS = {
    "classifier": MLPClassifier(width=8, batch_size=16),
    "regressor": MLPRegressor(width=8, batch_size=16),
    "images": ConvNetClassifier(filters=2, depth=1, image_shape=(2, 2), batch_size=16),
    "a user's": classifier(),
}


@pytest.fixture(params=NETS)
def net_and_setup(request):
    estimator = NETS[request.param]
    setup = Setup(estimator, check_scoring(estimator), horizon=3, classes=np.unique(Y))
    return setup.net({}), setup


def fold(rows=X):
    return PreparedFold(Part(rows[::2], Y[::2]), Part(rows[1::2], Y[1::2]))


def test_training_data_of_a_new_net(net_and_setup):
    net, setup = net_and_setup
    (data, y, params), is_new = ready(net, setup, fold())
    assert is_new
    assert net.initialized_
    assert not params
    dataset = net.get_dataset(data, y)
    rows, targets = dataset[[0, 1, 2]]
    assert np.allclose(np.asarray(rows).reshape(3, -1), X[[0, 2, 4]], atol=1e-5)
    assert len(targets) == 3
    again, is_new = ready(net, setup, fold())
    assert not is_new
    assert len(net.get_dataset(*again[:2])) == len(dataset)


def test_nets_that_are_alike_share_what_is_found(net_and_setup):
    _, setup = net_and_setup
    nets, rows = [setup.net({"lr": lr}) for lr in (0.1, 0.2)], fold()
    known = {}
    found = [ready(net, setup, rows, known)[0] for net in nets]
    arrays = [getattr(data, "X", data) for data, _, _ in found]
    assert np.shares_memory(*arrays)
    shapes = [[p.shape for p in net.module_.parameters()] for net in nets]
    assert shapes[0] == shapes[1]


def test_training_rows_cannot_be_written_to():
    setup = Setup(classifier(), check_scoring(classifier()), horizon=3, classes=np.unique(Y))
    (data, y, _), _ = ready(setup.net({}), setup, fold())
    for array in (data, y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_rows_to_predict(net_and_setup):
    net, setup = net_and_setup
    ready(net, setup, fold())
    rows = kind_of(net).rows(net, X)
    assert len(rows) == len(X)
    assert np.allclose(np.asarray(rows).reshape(len(X), -1), X, atol=1e-5)


def test_sparse_rows_stay_sparse_if_large(monkeypatch):
    monkeypatch.setattr("sktune.nets.sparse._SMALL", 1)
    for estimator in (NETS["classifier"], NETS["a user's"]):
        setup = Setup(estimator, check_scoring(estimator), horizon=3, classes=np.unique(Y))
        net, rows = setup.net({}), csr_matrix(X.astype(np.float32))
        ready(net, setup, fold(rows))
        assert isinstance(kind_of(net).rows(net, rows), SparseRows)


def test_what_is_no_table_has_no_plain_rows():
    net = classifier().initialize()
    assert kind_of(net).rows(net, {"a": X}) is None


def test_loaders(net_and_setup):
    net, _ = net_and_setup
    settings = kind_of(net).loader_settings(net)
    assert settings["batch_size"] == 16
    assert settings["shuffle"]


def test_a_module_before_training(net_and_setup):
    net, _ = net_and_setup
    module, shape = kind_of(net).module(net, (4,))
    x = torch.zeros(2, *shape, device=next(module.parameters()).device)
    assert len(module(x)) == 2


def test_settings_leave_out_what_networks_of_a_stack_may_differ_in(net_and_setup):
    net, _ = net_and_setup
    settings = kind_of(net).settings(net)
    assert "batch_size" in settings
    assert settings.keys().isdisjoint({"lr", "optimizer__weight_decay", "verbose"})


def test_randomness():
    assert kind_of(classifier()).randomness(classifier()) is None
    net = MLPClassifier(random_state=3).partial_fit(X, Y)
    assert kind_of(net).randomness(net) is net.randomness_
