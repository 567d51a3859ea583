"""The losses of a stack with their gradients by the outputs, of shape (n_networks, n_rows, ...).

Those that nearly every network is trained with are written out; all others go through torch.func.
"""

from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNet, NeuralNetClassifier
from torch import nn
from torch.func import vmap

from sktune.nets import ReadyNet
from sktune.trainers.stacking.calls import Calls

Targets = tuple[torch.Tensor, ...]
LossAndGradient = Callable[[Calls, torch.Tensor, Targets], tuple[torch.Tensor, torch.Tensor]]


def cross_entropy(
    calls: Calls, outputs: torch.Tensor, targets: Targets
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean cross-entropy of logits, over rows weighted by the second target."""
    y = targets[0].unsqueeze(1)
    # With the rows side by side, since torch's softmax is slow between few numbers side by side.
    logits = outputs.transpose(1, 2)
    logits = calls.dense(logits, logits.shape)
    gradient = calls.new(torch.log_softmax, logits, 1)
    losses = calls.new(torch.gather, gradient, 1, y).squeeze(1)
    calls.change(losses.neg_)
    calls.change(gradient.exp_)
    calls.change(gradient.scatter_add_, 1, y, outputs.new_full((1, 1, 1), -1.0).expand(y.shape))
    return _mean(calls, losses, targets), _weighed(calls, gradient.transpose(1, 2), targets)


def squared_error(
    calls: Calls, outputs: torch.Tensor, targets: Targets
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean squared error, over rows weighted by the second target."""
    error = calls.new(torch.sub, outputs, targets[0])
    squares = calls.new(torch.square, error)
    axes = list(range(2, squares.dim()))
    losses = calls.new(torch.mean, squares, axes) if axes else squares
    calls.change(error.mul_, 2 / error[0, 0].numel())
    return _mean(calls, losses, targets), _weighed(calls, error, targets)


def negative_log(
    calls: Calls, outputs: torch.Tensor, targets: Targets
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean negative logarithm of the true class's probability, as skorch has it."""
    y = targets[0].unsqueeze(2)
    chosen = calls.new(torch.gather, outputs, 2, y)
    calls.change(chosen.add_, torch.finfo(outputs.dtype).eps)
    losses = calls.new(torch.log, chosen).squeeze(2)
    calls.change(losses.neg_)
    slopes = calls.new(torch.reciprocal, chosen)
    calls.change(slopes.neg_)
    gradient = torch.empty_like(outputs)
    calls.change(gradient.zero_)
    calls.change(gradient.scatter_, 2, y, slopes)
    return _mean(calls, losses, targets), _weighed(calls, gradient, targets)


def _mean(calls: Calls, losses: torch.Tensor, targets: Targets) -> torch.Tensor:
    if len(targets) > 1:
        calls.change(losses.mul_, targets[1])
    mean: torch.Tensor = calls.new(torch.mean, losses, 1)
    return mean


def _weighed(calls: Calls, gradient: torch.Tensor, targets: Targets) -> torch.Tensor:
    calls.change(gradient.mul_, 1 / gradient.shape[1])
    if len(targets) > 1:
        calls.change(gradient.mul_, targets[1][(..., *[None] * (gradient.dim() - 2))])
    return gradient


def by_torch(net: NeuralNet) -> LossAndGradient:
    """Return the loss that the net itself computes, over a stack."""

    def loss(outputs: torch.Tensor, targets: Targets) -> torch.Tensor:
        value: torch.Tensor = net.get_loss(outputs, packed(targets), X=None, training=True)
        return value

    def differentiated(
        outputs: torch.Tensor, targets: Targets
    ) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = outputs.detach().requires_grad_()
        with torch.enable_grad():
            losses = vmap(loss)(outputs, targets)
        return losses.detach(), torch.autograd.grad(losses.sum(), outputs)[0]

    return lambda calls, outputs, targets: calls.again(differentiated, outputs, targets)


def packed(targets: Targets) -> Any:
    """Return the targets as the net's own loss takes them."""
    return targets[0] if len(targets) == 1 else targets


def loss_of(net: NeuralNet) -> LossAndGradient:
    """Return the loss of a net."""
    known = _KNOWN.get(type(net.criterion_))
    if known is None or not _is_plain(net):
        return by_torch(net)
    return known


_KNOWN: dict[type[nn.Module], LossAndGradient] = {
    nn.CrossEntropyLoss: cross_entropy,
    nn.MSELoss: squared_error,
    nn.NLLLoss: negative_log,
}
# Of each, the settings with which it is what is written out above.
_PLAIN = {"weight": None, "ignore_index": -100, "label_smoothing": 0.0}
_LOSS_METHODS = (ReadyNet.get_loss, NeuralNet.get_loss, NeuralNetClassifier.get_loss)


def _is_plain(net: NeuralNet) -> bool:
    method, criterion = type(net).get_loss, net.criterion_
    if method not in _LOSS_METHODS:
        return False
    if isinstance(criterion, nn.NLLLoss) and method is not NeuralNetClassifier.get_loss:
        return False
    reduction = "none" if isinstance(net, ReadyNet) else "mean"
    return criterion.reduction == reduction and all(
        getattr(criterion, name, value) == value for name, value in _PLAIN.items()
    )
