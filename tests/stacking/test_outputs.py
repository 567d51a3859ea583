"""Outputs of a stack are those of each network for its own rows."""

import copy

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import nn

from sktune.nets.sparse import SparseRows
from sktune.stacking.outputs import answers_row_by_row, outputs
from sktune.stacking.programs import Programs, Template
from sktune.stacking.weights import StackedWeights
from tests.user_nets import Perceptron, classifier

RNG = np.random.default_rng(0)


def rows(n_rows):
    return RNG.normal(size=(n_rows, 4)).astype(np.float32)


def programs_and_twins(module=Perceptron, n_networks=3):
    torch.manual_seed(0)
    nets = [classifier(module).initialize() for _ in range(n_networks)]
    twins = [copy.deepcopy(net.module_).eval() for net in nets]
    template = Template(nets[0], lambda net: {})
    return Programs(template, StackedWeights([net.module_ for net in nets])), twins


def assert_agree(found, twins, X):
    for output, twin, own in zip(found, twins, X, strict=True):
        with torch.no_grad():
            expected = twin(torch.from_numpy(own))
        assert output.shape == expected.shape
        assert torch.allclose(output, expected, atol=1e-5)


SHARED = rows(7)


@pytest.mark.parametrize(
    "X",
    [
        [SHARED, SHARED, SHARED],
        [SHARED, rows(7), SHARED],
        [rows(5), rows(6), rows(6)],
        [rows(6), rows(5), rows(6)],
        [rows(1), rows(3), rows(2)],
        [rows(20_001)] * 3,  # more than are computed at once
    ],
)
def test_each_network_answers_for_rows_of_its_own(X):
    programs, twins = programs_and_twins()
    assert_agree(outputs(programs, X), twins, X)


def test_sparse_rows():
    programs, twins = programs_and_twins()
    X = [np.where(part > 0.5, part, 0) for part in (rows(9), rows(9), rows(4))]
    found = outputs(programs, [SparseRows(csr_matrix(part)) for part in X])
    assert_agree(found, twins, X)


class Flat(Perceptron):
    def forward(self, X):
        return super().forward(X)[:, 0]


class Blocks(Perceptron):
    def forward(self, X):
        return super().forward(X).unsqueeze(1) * torch.ones(2, 1)


@pytest.mark.parametrize("module", [Flat, Blocks])
def test_outputs_of_any_shape(module):
    programs, twins = programs_and_twins(module)
    X = [SHARED] * 3
    assert_agree(outputs(programs, X), twins, X)


class Normal(Perceptron):
    """It mixes rows in training only."""

    def __init__(self):
        super().__init__()
        self.layers.insert(0, nn.BatchNorm1d(4))


class Mixes(Perceptron):
    def forward(self, X):
        return super().forward(X - X.mean(0))


class Ranks(Perceptron):
    """Adds to a row its place in the mini-batch, counted from the end."""

    def forward(self, X):
        return super().forward(X) + torch.arange(len(X), 0, -1)[:, None]


class Fours(Perceptron):
    """It takes mini-batches of four only."""

    def forward(self, X):
        return super().forward(X.view(4, -1, 4)).flatten(0, 1)


@pytest.mark.parametrize(
    ("module", "expected"),
    [(Perceptron, True), (Normal, True), (Mixes, False), (Ranks, False), (Fours, False)],
)
def test_whether_a_row_is_answered_whatever_is_beside_it(module, expected):
    programs, _ = programs_and_twins(module)
    assert answers_row_by_row(programs, SHARED) == expected
