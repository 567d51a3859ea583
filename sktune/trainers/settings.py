"""The settings of a net that a stack makes use of, and those that its networks have in common."""

from collections.abc import Hashable, Iterator
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import GradientNormClipping

from sktune.runs.kinds import kind_of
from sktune.runs.overrides import (
    Treatment,
    is_library,
    is_own,
    is_users_callback,
    own,
    own_code,
    user_class,
)
from sktune.stacking.batches import Table, batches_in
from sktune.stacking.structure import canonical, module_structure
from sktune.stacking.updates import n_steps, shared_settings

# What networks of one stack may differ in, unless a step of the user's own reads it.
_STACKABLE = {"lr", "optimizer__lr", "optimizer__weight_decay"}
# What skorch keeps in a net for itself, and what other checks see to.
_NEVER_READ = {
    *("module", "criterion", "optimizer", "module_", "criterion_", "optimizer_", "callbacks"),
    *("callbacks_", "history_", "train_split", "classes_inferred_", "targets_", "verbose"),
    *("whole_numbers_", "virtual_params_", "cuda_dependent_attributes_", "prefixes_"),
}
_PEAK_SETTINGS = {"max_lr", "base_lr", "div_factor", "final_div_factor"}


def calls_users_code(net: NeuralNet) -> bool:
    """Whether code of the user's is called in training: it may draw numbers and change the net."""
    return any(own(net, Treatment.CALLED)) or any(_is_users(c) for _, c in net.callbacks_)


def _is_users(callback: Any) -> bool:
    asked = (getattr(callback, name, None) for name in ("scoring", "monitor"))
    return is_users_callback(callback) or any(callable(function) for function in asked)


def has_own_program(net: NeuralNet) -> bool:
    """Whether a method of the user's is part of a step, and may read attributes of the net."""
    return any(is_own(user_class(net), name) for name in ("get_loss", "infer"))


def attributes(net: NeuralNet) -> dict[str, Any]:
    """Return the attributes of a net that a step of the user's own may read."""
    if not has_own_program(net):
        return {}
    read = own_code(net)
    return {
        name: value
        for name, value in vars(net).items()
        if not (name in _NEVER_READ or (name in _STACKABLE and name not in read))
        and not name.startswith(("_", "module__", "callbacks__"))
    }


def runs_users_code(net: NeuralNet) -> bool:
    """Whether a step of an initialised net calls code that is not torch's, skorch's or ours."""
    parts = [*net.module_.modules(), net.criterion_]
    called = [value for part in parts for value in vars(part).values() if callable(value)]
    is_plain = all(map(is_library, [*map(type, parts), *called]))
    return has_own_program(net) or not is_plain


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
        "module": module_structure(net.module_),
        "loss": (module_structure(loss), canonical(list(loss.state_dict().values()))),
    }


def shared(net: NeuralNet) -> dict[str, Hashable]:
    """Return the settings that the networks of a stack have in common."""
    clip = clipping(net)
    found = {
        "optimiser": [type(net.optimizer_), shared_settings(net.optimizer_)],
        "mini-batches": kind_of(net).loader_settings(net),
        "clipping of gradients": None if clip is None else clip[1],
        "schedule of the momentum": list(_momentum_schedules(net)),
        "device": str(net.device),
        "attributes": [user_class(net), attributes(net)],
    }
    return {name: canonical(part) for name, part in found.items()}


def _batches(net: NeuralNet) -> tuple[int, bool]:
    settings = kind_of(net).loader_settings(net)
    return settings["batch_size"], bool(settings.get("drop_last"))


def _momentum_schedules(net: NeuralNet) -> Iterator[Any]:
    """Yield what decides how schedules move the momentum, which a stack has in common."""
    for _, callback in net.callbacks_:
        scheduler = getattr(callback, "lr_scheduler_", None)
        if getattr(scheduler, "cycle_momentum", False):
            settings = {k: v for k, v in callback.kwargs.items() if k not in _PEAK_SETTINGS}
            yield callback.policy_, settings
