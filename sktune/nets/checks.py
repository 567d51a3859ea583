"""Checks of a net's parameters: every mistake in one message, before anything is trained."""

from collections.abc import Callable, Iterator, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch

from sktune.nets.module import ACTIVATIONS, NORMALIZATIONS
from sktune.nets.rates import SCHEDULES

OPTIMIZERS: dict[str, tuple[Callable[..., torch.optim.Optimizer], dict[str, Any]]] = {
    "adamw": (torch.optim.AdamW, {"fused": True}),
    "adam": (torch.optim.Adam, {"fused": True}),
    "sgd": (torch.optim.SGD, {"fused": True, "momentum": 0.9, "nesterov": True}),
    "rmsprop": (torch.optim.RMSprop, {}),
}

Rule = tuple[Callable[[Any], bool], str]


def _whole(low: int) -> Rule:
    def holds(value: Any) -> bool:
        if isinstance(value, bool):
            return False
        return isinstance(value, Integral) and int(value) >= low

    return holds, f"a whole number, at least {low}"


def _real(low: float, high: float, *, open_low: bool = False) -> Rule:
    def holds(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, Real):
            return False
        number = float(value)
        return (low < number if open_low else low <= number) and number < high

    above = f"above {low:g}" if open_low else f"at least {low:g}"
    return holds, f"a finite number {above}" + ("" if high == np.inf else f" and below {high:g}")


def _one_of(options: Any) -> Rule:
    names = list(options)
    return lambda value: value in names, "one of " + ", ".join(map(repr, names))


def _is_odd(value: Any) -> bool:
    return _whole(1)[0](value) and int(value) % 2 == 1


def _is_image_shape(value: Any) -> bool:
    if value is None:
        return True
    is_short = isinstance(value, tuple | list) and len(value) in (2, 3)
    return is_short and all(map(_whole(1)[0], value))


def _is_device(value: Any) -> bool:
    try:
        torch.device(value)
    except (RuntimeError, TypeError):
        return False
    return True


def _is_verbosity(value: Any) -> bool:
    return isinstance(value, Integral) and int(value) >= 0


SEEDS = "None, a whole number from 0 to 2**32 - 1, or a RandomState"


def is_seed(value: Any) -> bool:
    """Whether a value can be a ``random_state``."""
    if value is None or isinstance(value, np.random.RandomState):
        return True
    return _whole(0)[0](value) and value < 2**32


RULES: dict[str, Rule] = {
    "depth": _whole(0),
    "width": _whole(1),
    "dropout": _real(0, 1),
    "activation": _one_of(ACTIVATIONS),
    "normalization": _one_of(NORMALIZATIONS),
    "lr": _real(0, np.inf, open_low=True),
    "batch_size": _whole(1),
    "max_epochs": _whole(1),
    "weight_decay": _real(0, np.inf),
    "optimizer": _one_of(OPTIMIZERS),
    "lr_schedule": _one_of(["constant", *SCHEDULES]),
    "device": (_is_device, "a torch device such as 'cpu' or 'cuda:0'"),
    "random_state": (is_seed, SEEDS),
    "verbose": (_is_verbosity, "a whole number or a bool"),
}


IMAGE_RULES: dict[str, Rule] = RULES | {
    "filters": _whole(1),
    "kernel_size": (_is_odd, "an odd whole number, at least 1"),
    "normalization": _one_of([None, "batch"]),
    "image_shape": (_is_image_shape, "None, (height, width) or (channels, height, width)"),
}


def mistakes(params: Mapping[str, Any], rules: Mapping[str, Rule] = RULES) -> Iterator[str]:
    """Yield a line for each parameter that breaks its rule.

    >>> list(mistakes({"depth": -1, "width": 8}))
    ['`depth`=-1 must be a whole number, at least 0.']
    """
    for name, value in params.items():
        holds, allowed = rules[name]
        if not holds(value):
            yield f"`{name}`={value!r} must be {allowed}."
