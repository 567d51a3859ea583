"""The steps of an epoch have the gradients of each network alone."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from sktune.stacking.batches import Batches, Table
from sktune.stacking.dropout import MaskSource
from sktune.stacking.programs import Programs, Template
from sktune.stacking.steps import Steps
from sktune.stacking.weights import StackedWeights
from tests.user_nets import Perceptron, classifier

SIZES = (17, 17, 18)  # in mini-batches of 4 the last ones differ


class Parts:
    """A stack without an optimiser, and what each network is trained on."""

    def __init__(self, module=Perceptron, runs_users_code=False, rates=(0.0, 0.0, 0.0)):
        torch.manual_seed(0)
        rng, nets = np.random.default_rng(0), [classifier(module).initialize() for _ in SIZES]
        self.twins = [copy.deepcopy(net.module_) for net in nets]
        self.data = [
            (rng.normal(size=(n, 4)).astype(np.float32), rng.integers(0, 3, n)) for n in SIZES
        ]
        tables = [Table(k, X, (y,)) for k, (X, y) in enumerate(self.data)]
        self.batches = Batches(tables, 4, False, torch.device("cpu"))
        template = Template(nets[0], lambda net: {}, runs_users_code)
        self.weights = StackedWeights([net.module_ for net in nets])
        masks = MaskSource(torch.tensor(rates)[:, None], self.weights.flat)
        self.steps = Steps(Programs(template, self.weights), self.batches, self.weights, masks)
        self.masks = masks

    def epoch(self):
        self.steps.begin_epoch()
        generators = [torch.Generator().manual_seed(k) for k in range(len(SIZES))]
        orders = [self.batches.order(k, True, g) for k, g in enumerate(generators)]
        self.masks.begin_epoch(generators)
        return self.batches.epoch(orders)

    def made(self, batches):
        """Return the gradients of a step by name, its losses, and the rows of each network."""
        losses = torch.full((len(SIZES),), float("nan"))
        for batch in batches:
            self.steps.differentiate(batch, losses)
        rows = [own for batch in batches for own in batch.rows.tolist()]
        starts = np.cumsum([0, *SIZES])
        return (
            self.weights.by_name(self.steps.gradients),
            losses,
            [np.array(own) - start for own, start in zip(rows, starts, strict=False)],
        )

    def assert_as_alone(self, batches):
        gradients, losses, rows = self.made(batches)
        for k, ((X, y), twin) in enumerate(zip(self.data, self.twins, strict=True)):
            outputs = twin(torch.from_numpy(X[rows[k]]))
            loss = functional.cross_entropy(outputs, torch.from_numpy(y[rows[k]]))
            expected = torch.autograd.grad(loss, list(twin.parameters()))
            assert torch.allclose(losses[k], loss, rtol=1e-4)
            for (name, _), gradient in zip(twin.named_parameters(), expected, strict=True):
                assert torch.allclose(gradients[name][k], gradient, rtol=1e-3, atol=1e-6)


def test_gradients_of_mini_batches_of_all_sizes_while_weights_change():
    parts = Parts()
    parts.steps.plan(2)
    sizes = []
    for _ in range(2):
        for batches in parts.epoch():
            parts.assert_as_alone(batches)
            sizes.append([batch.rows.shape for batch in batches])
            parts.weights.flat.mul_(0.9)
            for parameter in (p for twin in parts.twins for p in twin.parameters()):
                parameter.data.mul_(0.9)
    assert sizes == [*[[(3, 4)]] * 4, [(2, 1), (1, 2)]] * 2


def test_dropout_is_that_of_each_network():
    parts = Parts(rates=(0.0, 1.0, 0.5))
    for batches in parts.epoch():
        gradients, _, _ = parts.made(batches)
        first = gradients["layers.0.weight"]
        # what is dropped has no gradient: nothing of the first network, all of the second
        assert not first[1].any()
        assert first[0].any()
        assert gradients["layers.3.bias"][1].any()


def gradient_norms(parts):
    return [float(parts.made(batches)[0]["layers.0.weight"].norm()) for batches in parts.epoch()]


def test_code_that_does_something_else_at_another_epoch_is_looked_at_anew():
    class Staged(Perceptron):
        factor = 1.0

        def forward(self, X):
            return super().forward(X) + self.factor * X[:, :3] * self.layers[0].weight.sum()

    before, after = {}, {}
    for runs_users_code in (True, False):
        Staged.factor = 1.0
        parts = Parts(Staged, runs_users_code)
        parts.steps.plan(5)
        before[runs_users_code] = gradient_norms(parts)
        Staged.factor = 5.0
        after[runs_users_code] = gradient_norms(parts)
    assert before[True] == pytest.approx(before[False], rel=1e-5)
    expected = gradient_norms(Parts(Staged, True))
    assert after[True] == pytest.approx(expected, rel=1e-5)
    assert after[True] != pytest.approx(before[True], rel=1e-2)


@pytest.mark.parametrize("runs_users_code", [True, False])
def test_steps_are_known_from_the_first_of_their_kind(runs_users_code):
    parts = Parts(runs_users_code=runs_users_code)
    known = []
    for batches in parts.epoch():
        known.append(parts.steps.are_known(batches))
        parts.made(batches)
    assert known == [False, True, True, True, False]
    parts.steps.begin_epoch()
    assert parts.steps.are_known(batches) == (not runs_users_code)
