"""Which networks can be one stack: the structure that they must share, and what bars a network."""

import hashlib
from collections.abc import Hashable, Iterator, Mapping
from types import NoneType
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochScoring, GradientNormClipping, LRScheduler
from skorch.callbacks.training import ParamMapper
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader

from sktune.fingerprint import fingerprint, is_importable
from sktune.nets import ReadyNet
from sktune.nets.batches import batches
from sktune.trainers.adapt import batches_fast
from sktune.trainers.stacking.batches import Table, batches_in
from sktune.trainers.stacking.dropout import DROPOUTS, MaskedDropout
from sktune.trainers.stacking.updates import ELEMENTWISE, n_steps, shared_settings

# What happens within a batch; the stack does it in their place.
_BATCH_METHODS = (
    *("train_step", "train_step_single", "get_train_step_accumulator", "run_single_epoch"),
    *("on_batch_begin", "on_batch_end", "on_grad_computed", "get_all_learnable_params"),
)
_OWN_METHODS = ("fit_loop", "get_iterator", "get_dataset")
_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")
_KNOWN_HOOKS = (LRScheduler, EpochScoring, GradientNormClipping)
_LOADERS = (DataLoader, batches, batches_fast)
_LOADER_SETTINGS = {"batch_size", "shuffle", "drop_last"}
_PEAK_SETTINGS = {"max_lr", "base_lr", "div_factor", "final_div_factor"}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def obstacle(net: NeuralNet) -> str | None:
    """Return in words why an initialised net cannot be trained in a stack, None if it can."""
    checks = (_methods, _parts, _module, _optimizer, _loader, _callbacks)
    return next((reason for check in checks for reason in check(net)), None)


def _methods(net: NeuralNet) -> Iterator[str]:
    for name in (*_BATCH_METHODS, *_OWN_METHODS):
        allowed = [NeuralNet, ReadyNet] if isinstance(net, ReadyNet) else [NeuralNet]
        if getattr(type(net), name) not in [getattr(owner, name) for owner in allowed]:
            yield f"{type(net).__name__} has a method {name} of its own"
    if net.compile:
        yield "its module is compiled"


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


def _optimizer(net: NeuralNet) -> Iterator[str]:
    optimizer = net.optimizer_
    if type(optimizer) not in ELEMENTWISE:
        yield f"the optimiser {type(optimizer).__name__} does not treat each weight alike"
    elif len(optimizer.param_groups) > 1:
        yield "its optimiser has several groups of weights"
    elif any(optimizer.param_groups[0].get(n) for n in ("maximize", "differentiable")):
        yield "its optimiser maximises, or is itself differentiated"


def _loader(net: NeuralNet) -> Iterator[str]:
    if isinstance(net, ReadyNet):
        return
    if net.iterator_train not in _LOADERS or not loader_settings(net).keys() <= _LOADER_SETTINGS:
        yield "it loads mini-batches in its own way"


def loader_settings(net: NeuralNet) -> dict[str, Any]:
    """Return the settings of the loader of mini-batches."""
    if isinstance(net, ReadyNet):
        return {"batch_size": int(net.batch_size), "shuffle": True}
    given = net.get_params_for("iterator_train")
    return {"batch_size": net.batch_size, "shuffle": False, **given}


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


def calls_users_code(net: NeuralNet) -> bool:
    """Whether there are callbacks that are not skorch's, and may draw random numbers."""
    return any(not type(c).__module__.startswith("skorch.") for _, c in net.callbacks_)


def clipping(net: NeuralNet) -> tuple[float, float] | None:
    """Return the largest norm of a gradient and the kind of norm, None without clipping."""
    for _, callback in net.callbacks_:
        if type(callback) is GradientNormClipping and callback.gradient_clip_value is not None:
            return float(callback.gradient_clip_value), float(callback.gradient_clip_norm_type)
    return None


def structure(net: NeuralNet, table: Table) -> Hashable:
    """Return a key that is equal for networks that can be one stack.

    It leaves out what each network has of its own: weights, dropout rates, learning rate, weight
    decay and their schedules.
    """
    settings, clip = loader_settings(net), clipping(net)
    parts = (
        type(net),
        skeleton(net.module_),
        skeleton(net.criterion_),
        [canonical(t) for t in net.criterion_.state_dict().values()],
        type(net.optimizer_),
        shared_settings(net.optimizer_),
        n_steps(net.optimizer_),
        settings,
        batches_in(len(table), settings["batch_size"], bool(settings.get("drop_last"))),
        table.kind,
        None if clip is None else clip[1],
        list(_momentum_schedules(net)),
        str(net.device),
    )
    return canonical(parts)


def _momentum_schedules(net: NeuralNet) -> Iterator[Any]:
    """Yield what decides how schedules move the momentum, which a stack has in common."""
    for _, callback in net.callbacks_:
        scheduler = getattr(callback, "lr_scheduler_", None)
        if getattr(scheduler, "cycle_momentum", False):
            settings = {k: v for k, v in callback.kwargs.items() if k not in _PEAK_SETTINGS}
            yield callback.policy_, settings


def skeleton(module: nn.Module) -> list[Any]:
    """Return what a module is made of, without its weights and dropout rates."""
    return [
        [
            name,
            type(part),
            {k: v for k, v in vars(part).items() if k not in _ignored(part)},
            [_shape(k, p) for k, p in part._parameters.items()],
            [_shape(k, b) for k, b in part._buffers.items()],
        ]
        for name, part in module.named_modules()
    ]


_PLAIN = (str, int, float, bool, NoneType, bytes, complex, torch.Size)
_INTERNAL = frozenset(vars(nn.Module()))


def _ignored(part: nn.Module) -> frozenset[str]:
    if isinstance(part, MaskedDropout):
        return frozenset(vars(part))
    return _INTERNAL | {"p"} if type(part) in DROPOUTS else _INTERNAL


def _shape(name: str, tensor: torch.Tensor | None) -> Any:
    if tensor is None:
        return name, None
    return name, tuple(tensor.shape), str(tensor.dtype), tensor.requires_grad


def canonical(value: Any) -> Hashable:
    """Return nested tuples of plain values that are equal when two values are.

    Pickles will not do: those of equal values differ with what is shared within them.
    """
    if type(value) in _PLAIN:
        return type(value), value
    if isinstance(value, Mapping):
        names = sorted(value, key=repr)
        return dict, tuple((canonical(name), canonical(value[name])) for name in names)
    if isinstance(value, set | frozenset):
        return set, tuple(map(canonical, sorted(value, key=repr)))
    if isinstance(value, tuple | list):
        return type(value), tuple(map(canonical, value))
    if isinstance(value, torch.Tensor):
        return torch.Tensor, canonical(value.detach().cpu().numpy())
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, hashlib.sha256(value.tobytes()).hexdigest()
    if is_importable(value):
        return value.__module__, value.__qualname__
    try:
        return fingerprint(value)
    except TypeError:
        # What cannot be taken apart, such as a lock, is equal to nothing but itself.
        return type(value), id(value)
