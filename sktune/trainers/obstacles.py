"""What bars a network from a stack, in a user's words."""

from collections.abc import Iterator
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochScoring, GradientNormClipping, LRScheduler
from skorch.callbacks.training import ParamMapper
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader

from sktune.nets.batches import batches
from sktune.runs.kinds import kind_of
from sktune.runs.overrides import BARS_STACKS, METHODS, own, own_code
from sktune.stacking.dropout import DROPOUTS
from sktune.stacking.updates import ELEMENTWISE
from sktune.trainers.settings import has_own_program

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")
_KNOWN_HOOKS = (LRScheduler, EpochScoring, GradientNormClipping)
_LOADER_SETTINGS = {"batch_size", "shuffle", "drop_last"}
# What a stack's step sees of one network only, or not within an epoch.
_UNSHARED = {"optimizer_", "callbacks_", "history", "history_"}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def obstacle(net: NeuralNet) -> str | None:
    """Return in words why an initialised net cannot be trained in a stack, None if it can."""
    return next(_methods(net), None) or changed_obstacle(net)


def changed_obstacle(net: NeuralNet) -> str | None:
    """Return the same of what can change while a network is trained: all but its class."""
    checks = (_parts, _module, _optimizer, _loader, _callbacks)
    return next((reason for check in checks for reason in check(net)), None)


def _methods(net: NeuralNet) -> Iterator[str]:
    kind = type(net).__name__
    for name in own(net, *BARS_STACKS):
        yield f"{kind} has a method {name} of its own"
    for name in METHODS:
        if callable(vars(net).get(name)):
            yield f"{kind} was given the method {name} when it was made or trained"
    if net.compile:
        yield "its module is compiled"
    for name in _UNSHARED & own_code(net) if has_own_program(net) else ():
        yield f"the methods of {kind} look at {name}"


def _parts(net: NeuralNet) -> Iterator[str]:
    if [*net._modules, *net._criteria, *net._optimizers] != ["module", "criterion", "optimizer"]:
        yield "it has several modules, losses or optimisers"
    elif any(p.requires_grad for p in net.criterion_.parameters()):
        yield "its loss has weights of its own"


def _module(net: NeuralNet) -> Iterator[str]:
    module = net.module_
    parameters = [p for p in module.parameters() if p.requires_grad]
    if not parameters:
        yield "it has no weights to train"
    elif len({(p.dtype, p.device) for p in module.parameters()}) > 1:
        yield "its weights are of several types or on several devices"
    for part in module.modules():
        name = type(part).__name__
        if isinstance(part, nn.RNNBase | nn.RNNCellBase):
            yield f"{name} layers cannot be batched over networks"
        elif isinstance(part, nn.modules.dropout._DropoutNd) and type(part) not in DROPOUTS:
            yield f"{name} layers draw their own random numbers"
        elif any(getattr(part, hooks) for hooks in _HOOKS):
            yield f"{name} has hooks"
        elif any(_has_hooks(weight) for weight in part.parameters(recurse=False)):
            yield f"a weight of {name} has hooks"


def _has_hooks(weight: torch.Tensor) -> bool:
    return bool(weight._backward_hooks or weight._post_accumulate_grad_hooks)


def _optimizer(net: NeuralNet) -> Iterator[str]:
    optimizer = net.optimizer_
    trained = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    if type(optimizer) not in ELEMENTWISE:
        yield f"the optimiser {type(optimizer).__name__} does not treat each weight alike"
    elif len(optimizer.param_groups) > 1:
        yield "its optimiser has several groups of weights"
    elif not {id(p) for p in net.module_.parameters() if p.requires_grad} <= trained:
        yield "its optimiser does not train all weights of its module"
    elif any(optimizer.param_groups[0].get(n) for n in ("maximize", "differentiable")):
        yield "its optimiser maximises, or is itself differentiated"


def _loader(net: NeuralNet) -> Iterator[str]:
    is_known = net.iterator_train in (DataLoader, batches)
    if not is_known or not kind_of(net).loader_settings(net).keys() <= _LOADER_SETTINGS:
        yield "it loads mini-batches in its own way"


def _callbacks(net: NeuralNet) -> Iterator[str]:
    for _, callback in net.callbacks_:
        name = type(callback).__name__
        if isinstance(callback, ParamMapper):
            yield f"the callback {name} changes which weights are trained"
        elif type(callback) in _KNOWN_HOOKS:
            yield from _known_callback(callback)
        elif any(getattr(type(callback), h) is not getattr(Callback, h) for h in _BATCH_HOOKS):
            yield f"the callback {name} looks inside a batch"


def _known_callback(callback: Any) -> Iterator[str]:
    if isinstance(callback, EpochScoring) and callback.on_train:
        yield "the callback EpochScoring looks at the outputs for the training rows"
    if isinstance(callback, LRScheduler) and callback.step_every == "batch":
        if isinstance(callback.lr_scheduler_, ReduceLROnPlateau):
            yield "its learning rate depends on the loss of each batch"
        elif callable(callback.monitor):
            yield "its learning rate is set by a function of the net"
