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

Targets = tuple[torch.Tensor, ...]
LossAndGradient = Callable[[torch.Tensor, Targets], tuple[torch.Tensor, torch.Tensor]]


def cross_entropy(outputs: torch.Tensor, targets: Targets) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean cross-entropy of logits, over rows weighted by the second target."""
    y = targets[0].unsqueeze(2)
    gradient = torch.log_softmax(outputs, dim=2)
    losses = _mean(gradient.gather(2, y).squeeze(2).neg_(), targets)
    gradient.exp_().scatter_add_(2, y, outputs.new_full((1, 1, 1), -1.0).expand(y.shape))
    return losses, _weigh(gradient, targets)


def squared_error(outputs: torch.Tensor, targets: Targets) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean squared error, over rows weighted by the second target."""
    error = outputs - targets[0]
    losses = _mean(error.square().flatten(2).mean(2), targets)
    return losses, _weigh(error.mul_(2 / error[0, 0].numel()), targets)


def negative_log(outputs: torch.Tensor, targets: Targets) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean negative logarithm of the true class's probability, as skorch has it."""
    y = targets[0].unsqueeze(2)
    chosen = outputs.gather(2, y) + torch.finfo(outputs.dtype).eps
    losses = chosen.log().squeeze(2).mean(1).neg_()
    gradient = torch.zeros_like(outputs).scatter_(2, y, chosen.reciprocal().neg_())
    return losses, _weigh(gradient, targets)


def _mean(losses: torch.Tensor, targets: Targets) -> torch.Tensor:
    return (losses if len(targets) == 1 else losses * targets[1]).mean(1)


def _weigh(gradient: torch.Tensor, targets: Targets) -> torch.Tensor:
    n_rows = gradient.shape[1]
    if len(targets) == 1:
        return gradient.mul_(1 / n_rows)
    return gradient.mul_((targets[1] / n_rows)[(..., *[None] * (gradient.dim() - 2))])


def by_torch(net: NeuralNet) -> LossAndGradient:
    """Return the loss that the net itself computes, over a stack."""

    def loss(outputs: torch.Tensor, targets: Targets) -> torch.Tensor:
        value: torch.Tensor = net.get_loss(outputs, packed(targets), X=None, training=True)
        return value

    def loss_and_gradient(
        outputs: torch.Tensor, targets: Targets
    ) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = outputs.detach().requires_grad_()
        with torch.enable_grad():
            losses = vmap(loss)(outputs, targets)
        return losses.detach(), torch.autograd.grad(losses.sum(), outputs)[0]

    return loss_and_gradient


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
