"""The number of threads comes from the size of the work."""

import threading

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sktune import ConvNetClassifier, MLPClassifier, MLPRegressor
from sktune.nets.module import MLP, ConvNet
from sktune.nets.threads import at_most, multiplications, n_threads

MODULES = {
    "linear": (nn.Linear(7, 3), (7,)),
    "mlp": (MLP(20, 4, 3, 32, 0.1, "relu", "batch"), (20,)),
    "wide": (MLP(20, 4, 2, 2000, 0.0, "tanh", None), (20,)),
    "convolutions": (ConvNet((3, 32, 32), 10, 3, 8, 3, 0.1, "relu", "batch"), (3, 32, 32)),
    "strides and groups": (
        nn.Sequential(nn.Conv2d(4, 8, 5, stride=2, groups=4), nn.Flatten(), nn.Linear(1152, 2)),
        (4, 28, 28),
    ),
    "one axis": (nn.Sequential(nn.Unflatten(1, (1, -1)), nn.Conv1d(1, 6, 3, padding=1)), (50,)),
    "a layer for each step": (nn.Linear(12, 5), (9, 12)),
    "a layer twice": (nn.Sequential(*[nn.Linear(6, 6)] * 2, nn.Flatten()), (4, 6)),
}


@pytest.mark.parametrize("name", MODULES)
def test_multiplications_are_those_that_torch_counts(name):
    module, row_shape = MODULES[name]
    with FlopCounterMode(display=False) as counter:
        module.eval()(torch.zeros(1, *row_shape))
    n_others = sum(weight.numel() for weight in module.parameters() if weight.dim() == 1)
    found = multiplications(module, row_shape) - n_others
    assert found == counter.get_total_flops() / 2


def test_counting_leaves_the_module_alone():
    module, row_shape = MODULES["convolutions"]
    module.train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.get_rng_state()
    multiplications(module, row_shape)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(layer._forward_hooks for layer in module.modules())
    assert module.training


def test_a_module_that_takes_other_rows_counts_its_weights():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(10, 4)
            self.layer = nn.Conv1d(4, 2, 3, bias=False)

        def forward(self, X):
            return self.layer(self.table(X["words"]).transpose(1, 2))

    assert multiplications(Words(), (5,)) == 40 + 24


def test_more_work_has_no_fewer_threads():
    works = [0, 1, 10**6, 10**9, 2**31, 2**32, 10**12]
    found = [n_threads(work) for work in works]
    assert found == sorted(found)
    assert found[:4] == [1] * 4
    assert found[4:6] == [2, 4]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
class TestAtMost:
    def test_restored_also_after_an_error(self):
        with pytest.raises(KeyError), at_most(1):
            raise KeyError
        assert torch.get_num_threads() == 2

    def test_never_more_than_torch_has(self):
        with at_most(100):
            assert torch.get_num_threads() == 2
        with at_most(1), at_most(2):
            assert torch.get_num_threads() == 1

    def test_threads_of_python_that_overlap(self):
        inside, leave, found = threading.Barrier(3), threading.Event(), []

        def work(is_last):
            with at_most(1):
                inside.wait()
                if is_last:
                    leave.wait()
            found.append(torch.get_num_threads())

        workers = [threading.Thread(target=work, args=[is_last]) for is_last in (True, False)]
        with at_most(1):
            for worker in workers:
                worker.start()
            inside.wait()
        assert torch.get_num_threads() == 2
        leave.set()
        for worker in workers:
            worker.join()
        assert found == [2, 2]
        asked = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        asked.start()
        asked.join()
        assert found == [2, 2, 2]


def seen(net, monkeypatch):
    """Return the numbers of threads that a net is trained and asked with."""
    found = {}
    for step in ("train_step_single", "evaluation_step"):
        real = getattr(type(net), step)

        def noted(self, *given, _real=real, _step=step, **params):
            found.setdefault(_step, set()).add(torch.get_num_threads())
            return _real(self, *given, **params)

        monkeypatch.setattr(type(net), step, noted)
    X, y = make_classification(300, 16, random_state=0)
    net.fit(X.astype(np.float32), y).predict(X)
    return found


@pytest.mark.usefixtures("two_threads")
class TestNets:
    @pytest.mark.parametrize(
        "net",
        [
            MLPClassifier(max_epochs=1),
            MLPRegressor(max_epochs=1, width=256, batch_size=256),
            ConvNetClassifier(max_epochs=1, image_shape=(4, 4)),
        ],
        ids=lambda net: type(net).__name__,
    )
    def test_small_ones_have_one(self, net, monkeypatch):
        assert seen(net, monkeypatch) == {"train_step_single": {1}, "evaluation_step": {1}}
        assert torch.get_num_threads() == 2

    @pytest.mark.parametrize("most", [1, 2])
    def test_large_ones_have_what_torch_has(self, most, monkeypatch):
        torch.set_num_threads(most)
        net = MLPClassifier(depth=2, width=3000, batch_size=300, max_epochs=1)
        found = seen(net, monkeypatch)
        assert found == {"train_step_single": {most}, "evaluation_step": {most}}

    def test_partial_fit(self, monkeypatch):
        net = MLPClassifier()
        monkeypatch.setattr(net, "fit", net.partial_fit)
        assert seen(net, monkeypatch)["train_step_single"] == {1}
