"""A stack's results do not depend on the threads that a clock happens to choose."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from sktune import MLPClassifier
from sktune.runs import AdvanceJob, Part, PreparedFold
from sktune.stacking import fastest_threads
from sktune.trainers import StackedTrainer
from sktune.trainers import stack as stack_room
from tests.trainers.laws import nets, setup_of
from tests.user_nets import classifier, same_bits

RNG = np.random.default_rng(0)
CLASSES = np.arange(3)


class AnyThreads:
    """Takes any number of threads, as a clock on a busy machine may, wherever that is allowed."""

    n_several = 0

    def __init__(self, n_threads, is_allowed):
        self.n_threads, self.is_allowed = n_threads, is_allowed
        self.known = None

    def measure(self, step):
        if self.known is None:
            self.known = self.is_allowed()
        n_threads = int(RNG.integers(1, self.n_threads + 1)) if self.known else 1
        AnyThreads.n_several += n_threads > 1
        with fastest_threads._on(n_threads):
            step()


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def jobs(net, n_rows, n_networks=5):
    """Return runs on folds that differ by a row, so that last mini-batches are of two sizes."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n_rows + 1, 12)).astype(np.float32)
    y = np.arange(n_rows + 1) % 3
    setup = setup_of(net)
    folds = [
        PreparedFold(Part(X[: n_rows + k], y[: n_rows + k]), Part(X[:30], y[:30])) for k in (0, 1)
    ]
    return [AdvanceJob(setup, {}, folds[k % 2], 3, 100 + k) for k in range(n_networks)]


SIZES = [(16, 8), (64, 32), (128, 50), (200, 64)]


def ours(width, batch_size, normalization=None):
    settings = {"normalization": normalization, "dropout": 0.1, "depth": 2}
    return MLPClassifier(width=width, batch_size=batch_size, **settings)


def users(width, batch_size):
    sizes = {"module__in_features": 12, "module__out_features": 3}
    return classifier(nn.Linear, batch_size=batch_size, **sizes)


NETS = [
    *((ours, *size, normalization) for size, normalization in product(SIZES, (None, "layer"))),
    *((users, *size) for size in SIZES),
]


@pytest.mark.parametrize("n_rows", [301, 330])
@pytest.mark.parametrize(
    "net", NETS, ids=lambda net: " ".join([net[0].__name__, *map(str, net[1:])])
)
def test_any_choice_of_threads_gives_the_same_bits(net, n_rows, two_threads, monkeypatch):
    make, *settings = net
    trainer = StackedTrainer()
    torch.set_num_threads(1)
    expected = nets(trainer.advance(jobs(make(*settings), n_rows)))
    torch.set_num_threads(2)
    monkeypatch.setattr(stack_room, "FastestThreads", AnyThreads)
    for _ in range(2):
        found = nets(trainer.advance(jobs(make(*settings), n_rows)))
        assert all(same_bits(*pair) for pair in zip(found, expected, strict=True))


def test_several_threads_were_taken():
    assert AnyThreads.n_several
