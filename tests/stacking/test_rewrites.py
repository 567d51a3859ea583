"""Rewritten functions return what torch's do, and their gradients, or leave these alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from sktune.stacking.rewrites import rewritten

Y = torch.tensor([0, 3, 1, 1, 2])
LOGITS = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
CASES = {
    "linear": lambda x: functional.linear(x, LOGITS.t() @ LOGITS, LOGITS[0]),
    "linear without a bias": lambda x: functional.linear(x, LOGITS),
    "linear of tokens": lambda x: nn.Linear(4, 2)(x.view(1, 5, 4).expand(2, 5, 4)),
    "linear of a row": lambda x: functional.linear(x[0], LOGITS, LOGITS[:, 0]),
    "linear of no rows": lambda x: functional.linear(x[:0], LOGITS),
    **{
        f"{name}, {reduction}": lambda x, f=function, r=reduction: f(x, Y, reduction=r)
        for name, function in (
            ("cross_entropy", functional.cross_entropy),
            ("nll_loss", lambda x, y, **given: functional.nll_loss(x.log_softmax(1), y, **given)),
        )
        for reduction in ("none", "mean", "sum")
    },
    "weights": lambda x: functional.cross_entropy(x, Y, torch.linspace(0.5, 2, 4)),
    "smoothing": lambda x: functional.cross_entropy(x, Y, label_smoothing=0.1),
    "ignored": lambda x: functional.cross_entropy(x, Y, ignore_index=1),
    "probabilities": lambda x: functional.cross_entropy(x, torch.full((5, 4), 0.25)),
    "images": lambda x: functional.cross_entropy(x.view(1, 4, 5), Y.view(1, 5)),
    "weighted logarithms": lambda x: functional.nll_loss(x, Y, torch.linspace(0.5, 2, 4)),
    "attention": lambda x: functional.scaled_dot_product_attention(*[x.view(1, 5, 4)] * 3),
    "a layer": lambda x: nn.CrossEntropyLoss()(nn.Linear(4, 4)(x), Y),
}


def values(function):
    x = LOGITS.clone().requires_grad_()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = function(x)
    weights = torch.linspace(0.5, 1.5, found.numel()).view(found.shape)
    return found.detach(), torch.autograd.grad((found * weights).sum(), x)[0]


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name):
    expected = values(CASES[name])
    with rewritten():
        found = values(CASES[name])
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("y", [[0, 3, 1, 1, 4], [0, 3, -100, 1, 1], [-1, 0, 0, 0, 0]])
@pytest.mark.parametrize("loss", [functional.cross_entropy, functional.nll_loss])
def test_classes_that_are_none_raise(loss, y):
    with rewritten(), pytest.raises((IndexError, RuntimeError)):
        loss(LOGITS, torch.tensor(y))
