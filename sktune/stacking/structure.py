"""What is equal in networks of one stack: what their modules are, and values of any kind."""

import hashlib
from collections.abc import Hashable, Mapping
from types import NoneType
from typing import Any

import numpy as np
import torch
from torch import nn

from sktune.fingerprint import fingerprint, is_importable
from sktune.stacking.dropout import DROPOUTS, MaskedDropout


def module_structure(module: nn.Module) -> Hashable:
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
