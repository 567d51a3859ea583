"""The weights of a stack and those of its networks are the same numbers."""

import copy

import pytest
import torch
from torch import nn

from sktune.stacking.weights import StackedWeights, tensors_of


class Norm(nn.Module):
    """It has a buffer of whole numbers, a frozen parameter and one that is used twice."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 3)
        self.last.weight = self.first.weight
        self.last.bias.requires_grad_(False)


@pytest.fixture
def modules():
    torch.manual_seed(0)
    found = [Norm() for _ in range(3)]
    for number, module in enumerate(found):
        module.norm.num_batches_tracked += number
    return found


def stacked(stack):
    return {**stack.weights, **stack.buffers}


def test_each_row_has_the_numbers_of_its_network(modules):
    before = [copy.deepcopy(module.state_dict()) for module in modules]
    stack = StackedWeights(modules)
    for row, (module, numbers) in enumerate(zip(modules, before, strict=True)):
        for name, tensor in stacked(stack).items():
            assert tensor.dtype == numbers[name].dtype
            assert torch.equal(tensor[row], numbers[name])
        # the networks themselves have not changed
        assert all(torch.equal(t, numbers[name]) for name, t in module.state_dict().items())


def test_what_is_trained_is_a_weight_and_all_else_a_buffer(modules):
    trained = {name for name, p in modules[0].named_parameters() if p.requires_grad}
    stack = StackedWeights(modules)
    assert set(stack.weights) == set(stack.slices) == trained
    assert "last.bias" in stack.buffers
    assert "norm.running_mean" in stack.buffers
    # a weight that two layers share is one
    assert "last.weight" not in stacked(stack)
    assert stack.n_weights == 9 + 3 + 3 + 3
    assert set(stacked(stack)) == {name for name, _ in tensors_of(modules[0])}


def test_whatever_is_written_on_one_side_is_read_on_the_other(modules):
    stack = StackedWeights(modules)
    with torch.no_grad():
        modules[1].first.weight.fill_(7)
        modules[1].norm.running_mean.fill_(8)
    assert (stack.flat[1, stack.slices["first.weight"]] == 7).all()
    assert (stack.buffers["norm.running_mean"][1] == 8).all()
    stack.flat[2] = 5
    stack.buffers["last.bias"][2] = 6
    assert all((p == 5).all() for p in modules[2].parameters() if p.requires_grad)
    assert (modules[2].last.bias == 6).all()
    assert modules[2].last.weight is modules[2].first.weight
    assert not (modules[0].first.weight == 5).any()


def test_what_is_laid_out_like_the_weights_is_read_by_name(modules):
    stack = StackedWeights(modules)
    numbers = torch.rand_like(stack.flat)
    found = stack.by_name(numbers)
    rows = [torch.cat([part[k].reshape(-1) for part in found.values()]) for k in range(3)]
    assert torch.equal(torch.stack(rows), numbers[:, : stack.n_weights])
    assert {n: t.shape[1:] for n, t in found.items()} == {
        name: p.shape for name, p in modules[0].named_parameters() if p.requires_grad
    }


def test_tensors_that_replaced_those_of_a_network_are_loaded(modules):
    stack = StackedWeights(modules)
    others = stack.flat[[0, 2]].clone()
    modules[1].first.weight.data = torch.full((3, 3), 4.0)
    modules[1].norm.running_var = torch.full((3,), 2.0)
    stack.load(1)
    assert (stack.weights["first.weight"][1] == 4).all()
    assert (stack.buffers["norm.running_var"][1] == 2).all()
    assert torch.equal(stack.flat[[0, 2]], others)


def test_a_network_that_is_released_goes_its_own_way(modules):
    stack = StackedWeights(modules)
    before = copy.deepcopy(modules[0].state_dict())
    stack.release(0)
    for tensor in stacked(stack).values():
        tensor.fill_(9)
    assert all(torch.equal(t, before[name]) for name, t in modules[0].state_dict().items())
    with torch.no_grad():
        modules[0].first.weight.fill_(1)
    assert (stack.weights["first.weight"] == 9).all()
    assert (modules[1].first.weight == 9).all()
