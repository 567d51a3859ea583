"""Snapshots: all that a run needs to go on as if it had never stopped, as bytes.

A snapshot is one pickled graph of the net and its random generators. skorch's own pickling
cannot serve: it stores modules and optimisers apart from the callbacks, so that a thawed
learning-rate scheduler would turn an optimiser that trains nothing, and EarlyStopping leaves
its best weights out.
"""

import builtins
import copyreg
import hashlib
import io
import pickle
from dataclasses import dataclass
from types import BuiltinFunctionType
from typing import Any

import cloudpickle
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping, EpochScoring

from sktune.nets.randomness import Randomness

_WHOLE = (NeuralNet, EarlyStopping, EpochScoring)
# It empties its cache when an epoch begins; until then that would keep the user's data.
_EMPTY_CACHE: dict[str, list[Any]] = {"y_trues_": [], "y_preds_": []}
_PLAIN_TENSORS = (torch.Tensor, torch.nn.Parameter)


@dataclass
class RunState:
    """A run between two rungs: the net, where its generators stand, the epochs it has had.

    ``stopped`` says that a callback of the net has ended its training.
    """

    net: NeuralNet
    randomness: Randomness
    epochs: int = 0
    stopped: bool = False


def freeze(state: RunState) -> bytes:
    """Return the state as bytes, which any process can thaw."""
    file = io.BytesIO()
    _Pickler(file, protocol=pickle.HIGHEST_PROTOCOL).dump(state)
    return file.getvalue()


def thaw(snapshot: bytes) -> RunState:
    """Return the state as it was when it was frozen."""
    state: RunState = pickle.loads(snapshot)
    return state


def packed(thing: Any) -> bytes:
    """Return anything as bytes, which any process can unpack."""
    whole: bytes = cloudpickle.dumps(thing)
    return whole


def unpacked(snapshot: bytes) -> Any:
    """Return what was packed."""
    return pickle.loads(snapshot)


class _Pickler(cloudpickle.Pickler):
    """Pickles modules defined in a notebook by value, nets whole, and tensors fast."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, _WHOLE):
            state = vars(obj) | (_EMPTY_CACHE if isinstance(obj, EpochScoring) else {})
            return copyreg.__newobj__, (type(obj),), state, None, None, _set_state  # type: ignore[attr-defined]
        if type(obj) in _PLAIN_TENSORS and _is_plain(obj):
            return _tensor, (type(obj), obj.detach().numpy(), obj.requires_grad, obj.grad)
        if _is_replaced(obj):
            return getattr, (builtins, obj.__name__)
        return super().reducer_override(obj)


def _is_replaced(obj: Any) -> bool:
    """Whether this is a function of Python's that has another in its place: Ray changes print."""
    is_builtin = isinstance(obj, BuiltinFunctionType) and obj.__module__ == "builtins"
    return is_builtin and getattr(builtins, obj.__name__, obj) is not obj


def content_key(thing: Any) -> str:
    """Return a short text that differs for things that differ, in one process."""
    return hashlib.sha256(packed(thing)).hexdigest()


def _set_state(obj: Any, state: dict[str, Any]) -> None:
    vars(obj).update(state)


def _is_plain(tensor: torch.Tensor) -> bool:
    # torch's own reduction goes through a file format of its own, at a hundred times the cost.
    return (
        tensor.device.type == "cpu"
        and tensor.layout == torch.strided
        and tensor.is_leaf
        and not tensor.is_quantized
        and tensor.dtype != torch.bfloat16
        and not vars(tensor)
    )


def _tensor(kind: Any, values: Any, requires_grad: bool, grad: torch.Tensor | None) -> torch.Tensor:
    tensor = torch.from_numpy(values)
    if kind is torch.nn.Parameter:
        tensor = torch.nn.Parameter(tensor, requires_grad)
    tensor.requires_grad_(requires_grad)
    # Gradients that are gathered over several batches must not be lost between two rungs.
    tensor.grad = grad
    return tensor
