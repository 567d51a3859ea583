"""The program of a stack computes what each of its networks computes alone."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from sktune.stacking.programs import Programs, StepMemory, Template
from sktune.stacking.weights import StackedWeights
from tests.user_nets import Perceptron, classifier

N_NETWORKS, N_ROWS = 3, 6


class Twice(nn.Module):
    """One dropout layer is called twice, one weight belongs to two layers; it keeps statistics."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight
        self.norm, self.drop, self.last = nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3)

    def forward(self, X):
        return self.last(self.drop(self.second(self.drop(self.norm(self.first(X)))).tanh()))


class Weighted:
    """A net whose loss takes a weight of each row."""

    def __init__(self, module):
        self.module_, self.criterion_ = module, nn.CrossEntropyLoss(reduction="none")

    def infer(self, x):
        return self.module_(x)

    def get_loss(self, y_pred, y_true, X, training):
        y, weight = y_true
        return (weight * self.criterion_(y_pred, y)).mean()


def several(shape, seed):
    return torch.rand((N_NETWORKS, N_ROWS, *shape), generator=torch.Generator().manual_seed(seed))


def stack_of(module, net_of=None):
    """Return networks, copies of their modules, and the template and the weights of their stack."""
    torch.manual_seed(0)
    nets = [classifier(module).initialize() for _ in range(N_NETWORKS)]
    if net_of is not None:
        nets = [net_of(net.module_) for net in nets]
    twins = [copy.deepcopy(net.module_) for net in nets]
    template = Template(nets[0], lambda net: {})
    return nets, twins, template, StackedWeights([net.module_ for net in nets])


def memory_of(weights, X, targets, masks):
    n_networks = len(X)
    gradients = torch.empty(n_networks, weights.n_weights)
    return StepMemory(X, targets, masks, gradients, torch.empty(n_networks))


def assert_step(weights, memory, twins, losses):
    for row, (twin, loss) in enumerate(zip(twins, losses, strict=True)):
        expected = torch.autograd.grad(loss, list(twin.parameters()))
        flat = torch.cat([gradient.reshape(-1) for gradient in expected])
        assert torch.allclose(memory.gradients[row], flat, rtol=1e-4, atol=1e-6)
        assert torch.allclose(memory.losses[row], loss)


def test_gradients_masks_and_statistics_of_a_step():
    _, twins, template, weights = stack_of(Twice)
    X, y = several((4,), 1), (several((), 2) * 3).long()
    needed = template.masks_needed(X[0], (y[0],))
    assert needed == [("drop", torch.Size([N_ROWS, 4])), ("drop", torch.Size([N_ROWS, 4]))]
    masks = [several((4,), seed) for seed in (3, 4)]
    memory = memory_of(weights, X, (y,), masks)
    Programs(template, weights).of(slice(0, N_NETWORKS)).step(memory)()
    losses = []
    for row, twin in enumerate(twins):
        hidden = twin.norm.train()(twin.first(X[row])) * masks[0][row]
        outputs = twin.last(twin.second(hidden).tanh() * masks[1][row])
        losses.append(functional.cross_entropy(outputs, y[row]))
    assert_step(weights, memory, twins, losses)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        expected = torch.stack([getattr(twin.norm, name) for twin in twins])
        assert torch.allclose(weights.buffers[f"norm.{name}"], expected)


def test_a_loss_of_several_targets():
    _, twins, template, weights = stack_of(Perceptron, Weighted)
    X, y, weight = several((4,), 1), (several((), 2) * 3).long(), several((), 3)
    # the one dropout layer has rate 0, whose mask is one
    memory = memory_of(weights, X, (y, weight), [torch.ones(N_NETWORKS, N_ROWS, 8)])
    Programs(template, weights).of(slice(0, N_NETWORKS)).step(memory)()
    losses = [
        (weight[row] * functional.cross_entropy(twin(X[row]), y[row], reduction="none")).mean()
        for row, twin in enumerate(twins)
    ]
    assert_step(weights, memory, twins, losses)


def test_some_neighbours_compute_with_their_own_weights():
    _, twins, template, weights = stack_of(Perceptron)
    programs, X, y = Programs(template, weights), several((4,), 1), (several((), 2) * 3).long()
    two = slice(1, 3)
    memory = memory_of(weights, X[two], (y[two],), [torch.ones(2, N_ROWS, 8)])
    programs.of(two).step(memory)()
    losses = [functional.cross_entropy(twins[row](X[row]), y[row]) for row in (1, 2)]
    assert_step(weights, memory, twins[two], losses)
    expected = torch.stack([twins[row](X[row]).detach() for row in (1, 2)])
    assert torch.allclose(programs.of(two).outputs(X[two]), expected, atol=1e-6)


def test_outputs_are_those_in_evaluation_and_change_nothing():
    _, twins, template, weights = stack_of(Twice)
    weights.buffers["norm.running_mean"] += torch.rand(N_NETWORKS, 4)
    X, before = several((4,), 1), copy.deepcopy(weights.buffers)
    found = Programs(template, weights).of(slice(0, N_NETWORKS)).outputs(X)
    for row, twin in enumerate(twins):
        twin.norm.running_mean.copy_(before["norm.running_mean"][row])
        assert torch.allclose(found[row], twin.eval()(X[row]).detach(), atol=1e-6)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights.buffers.items())


def test_a_step_uses_the_numbers_that_are_there_when_it_is_made():
    _, twins, template, weights = stack_of(Perceptron)
    X, y = several((4,), 1), (several((), 2) * 3).long()
    memory = memory_of(weights, X, (y,), [torch.ones(N_NETWORKS, N_ROWS, 8)])
    step = Programs(template, weights).of(slice(0, N_NETWORKS)).step(memory)
    step()
    weights.flat.mul_(0.5)
    X.add_(1)
    step()
    for twin in twins:
        for parameter in twin.parameters():
            parameter.data.mul_(0.5)
    losses = [functional.cross_entropy(twin(X[row]), y[row]) for row, twin in enumerate(twins)]
    assert_step(weights, memory, twins, losses)


def test_the_net_of_a_template_is_left_as_it_is():
    net = classifier(Twice).initialize()
    parts, before = list(net.module_.modules()), copy.deepcopy(net.module_.state_dict())
    net.module_.eval()
    template = Template(net, lambda net: {})
    X, y = several((4,), 1)[0], torch.zeros(N_ROWS, dtype=torch.long)
    template.masks_needed(X, (y,))
    template.put({name: torch.zeros_like(t) for name, t in template.own.items()})
    template.loss(X, (y,), [torch.ones(N_ROWS, 4)] * 2)
    assert all(one is other for one, other in zip(net.module_.modules(), parts, strict=True))
    assert not net.module_.training
    assert all(torch.equal(t, before[name]) for name, t in net.module_.state_dict().items())


def test_tensors_are_put_in_all_their_places_until_something_replaces_them():
    template = Template(classifier(Twice).initialize(), lambda net: {})
    new = {name: torch.zeros_like(t) for name, t in template.own.items()}
    template.put(new)
    assert template.holds(new)
    assert template.module.second.weight is template.module.first.weight is new["first.weight"]
    template.module.norm.running_mean = torch.ones(4)
    assert not template.holds(new)


def set_an_attribute(template):
    template.module.gain = 2.0


def set_the_loss(template):
    template.net.criterion_.label_smoothing = 0.1


def set_what_is_read(template):
    template.net.penalty = 0.5


@pytest.mark.parametrize("change", [set_an_attribute, set_the_loss, set_what_is_read])
def test_what_a_step_could_change_is_in_its_settings(change):
    net = classifier().initialize()
    vars(net)["penalty"] = 0.1
    template = Template(net, lambda net: {"penalty": net.penalty})
    before = template.settings()
    template.loss(torch.rand(N_ROWS, 4), (torch.zeros(N_ROWS, dtype=torch.long),), None)
    assert template.settings() == before
    change(template)
    assert template.settings() != before
