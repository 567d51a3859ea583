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
from sktune.trainers.overrides import (
    BARS_STACKS,
    METHODS,
    Treatment,
    is_own,
    is_users_callback,
    own,
    own_code,
    user_class,
)
from sktune.trainers.stacking.batches import Table, batches_in
from sktune.trainers.stacking.dropout import DROPOUTS, MaskedDropout
from sktune.trainers.stacking.updates import ELEMENTWISE, n_steps, shared_settings

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")
_KNOWN_HOOKS = (LRScheduler, EpochScoring, GradientNormClipping)
_LOADER_SETTINGS = {"batch_size", "shuffle", "drop_last"}
# What networks of one stack may differ in, unless a step of the user's own reads it.
_STACKABLE = {"lr", "optimizer__lr", "optimizer__weight_decay"}
# What skorch keeps in a net for itself, and what other checks see to.
_NEVER_READ = {
    *("module", "criterion", "optimizer", "module_", "criterion_", "optimizer_", "callbacks"),
    *("callbacks_", "history_", "train_split", "classes_inferred_", "targets_", "verbose"),
    *("whole_numbers_", "virtual_params_", "cuda_dependent_attributes_", "prefixes_"),
}
# What a stack's step sees of one network only.
_UNSHARED = {"optimizer_", "callbacks_"}
_PEAK_SETTINGS = {"max_lr", "base_lr", "div_factor", "final_div_factor"}
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
    for name in _UNSHARED & own_code(net) if _has_own_program(net) else ():
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
    if isinstance(net, ReadyNet):
        return
    if net.iterator_train is not DataLoader or not loader_settings(net).keys() <= _LOADER_SETTINGS:
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
    """Whether code of the user's is called in training: it may draw numbers and change the net."""
    return any(own(net, Treatment.CALLED)) or any(_is_users(c) for _, c in net.callbacks_)


def _is_users(callback: Any) -> bool:
    asked = (getattr(callback, name, None) for name in ("scoring", "monitor"))
    return is_users_callback(callback) or any(callable(function) for function in asked)


def _has_own_program(net: NeuralNet) -> bool:
    """Whether a method of the user's is part of a step, and may read attributes of the net."""
    return any(is_own(user_class(net), name) for name in ("get_loss", "infer"))


def attributes(net: NeuralNet) -> dict[str, Any]:
    """Return the attributes of a net that a step of the user's own may read."""
    if not _has_own_program(net):
        return {}
    read = own_code(net)
    return {
        name: value
        for name, value in vars(net).items()
        if not (name in _NEVER_READ or (name in _STACKABLE and name not in read))
        and not name.startswith(("_", "module__", "callbacks__"))
    }


def clipping(net: NeuralNet) -> tuple[float, float] | None:
    """Return the largest norm of a gradient and the kind of norm, None without clipping."""
    for _, callback in net.callbacks_:
        if type(callback) is GradientNormClipping and callback.gradient_clip_value is not None:
            return float(callback.gradient_clip_value), float(callback.gradient_clip_norm_type)
    return None


def structure(net: NeuralNet, table: Table) -> Hashable:
    """Return a key that is equal for networks of which a step is the same program."""
    return tuple(parts(net).values()), canonical(table.kind)


def progress(net: NeuralNet, table: Table) -> Hashable:
    """Return a key that is equal for networks that have come as far and have as far to go."""
    return n_steps(net.optimizer_), batches_in(len(table), *_batches(net))


def parts(net: NeuralNet) -> dict[str, Hashable]:
    """Return what the networks of a stack have in common, by what it is called.

    It leaves out what each network has of its own: weights, dropout rates, learning rate, weight
    decay and their schedules.
    """
    return contents(net) | shared(net)


def contents(net: NeuralNet) -> dict[str, Hashable]:
    """Return what module and loss are made of."""
    loss = net.criterion_
    return {
        "module": skeleton(net.module_),
        "loss": (skeleton(loss), canonical(list(loss.state_dict().values()))),
    }


def shared(net: NeuralNet) -> dict[str, Hashable]:
    """Return the settings that the networks of a stack have in common."""
    clip = clipping(net)
    found = {
        "optimiser": [type(net.optimizer_), shared_settings(net.optimizer_)],
        "mini-batches": loader_settings(net),
        "clipping of gradients": None if clip is None else clip[1],
        "schedule of the momentum": list(_momentum_schedules(net)),
        "device": str(net.device),
        "attributes": [user_class(net), attributes(net)],
    }
    return {name: canonical(part) for name, part in found.items()}


def _batches(net: NeuralNet) -> tuple[int, bool]:
    settings = loader_settings(net)
    return settings["batch_size"], bool(settings.get("drop_last"))


def _momentum_schedules(net: NeuralNet) -> Iterator[Any]:
    """Yield what decides how schedules move the momentum, which a stack has in common."""
    for _, callback in net.callbacks_:
        scheduler = getattr(callback, "lr_scheduler_", None)
        if getattr(scheduler, "cycle_momentum", False):
            settings = {k: v for k, v in callback.kwargs.items() if k not in _PEAK_SETTINGS}
            yield callback.policy_, settings


def skeleton(module: nn.Module) -> Hashable:
    """Return what a module is made of, without its weights and dropout rates."""
    return tuple(
        (
            name,
            canonical(type(part)),
            _attributes(part),
            tuple(_shape(k, p) for k, p in part._parameters.items()),
            tuple(_shape(k, b) for k, b in part._buffers.items()),
        )
        for name, part in module.named_modules()
    )


def _attributes(part: nn.Module) -> tuple[Any, ...]:
    own = vars(part)
    return tuple(
        # This is asked after each hook of the user's: plain values take no call.
        (name, type(own[name]), own[name])
        if type(own[name]) in _PLAIN
        else (name, canonical(own[name]))
        for name in sorted(own.keys() - _ignored(part))
    )


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
