"""Snapshots: all that a run needs to go on as if it had never stopped, as bytes.

A snapshot is the tensors, and one pickled graph of the net and its random generators that refers
to them. skorch's own pickling cannot serve: it stores modules and optimisers apart from the
callbacks, so that a thawed learning-rate scheduler would turn an optimiser that trains nothing,
and EarlyStopping leaves its best weights out.
"""

import builtins
import copyreg
import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from types import BuiltinFunctionType
from typing import Any

import cloudpickle
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping, EpochScoring

from sktune.nets.randomness import Randomness
from sktune.trainers.tensors import Place, TensorReader, TensorWriter, is_plain

_WHOLE = (NeuralNet, EarlyStopping, EpochScoring)
# Every module of torch has a dozen.
_NO_HOOKS: tuple[Any, ...] = OrderedDict, ()
# It empties its cache when an epoch begins; until then that would keep the user's data.
_EMPTY_CACHE: dict[str, list[Any]] = {"y_trues_": [], "y_preds_": []}


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
    file, graph, tensors = io.BytesIO(), io.BytesIO(), TensorWriter()
    _Pickler(graph, tensors).dump(state)
    tensors.write(file)
    file.write(graph.getbuffer())
    return file.getvalue()


def thaw(snapshot: bytes) -> RunState:
    """Return the state as it was when it was frozen."""
    file = io.BytesIO(snapshot)
    tensors = TensorReader(file)
    state: RunState = _Unpickler(file, tensors).load()
    return state


def packed(thing: Any) -> bytes:
    """Return anything as bytes, which any process can unpack."""
    whole: bytes = cloudpickle.dumps(thing)
    return whole


def unpacked(snapshot: bytes) -> Any:
    """Return what was packed."""
    return pickle.loads(snapshot)


class _Pickler(cloudpickle.Pickler):
    """Pickles modules defined in a notebook by value and nets whole; gathers tensors."""

    def __init__(self, file: io.BytesIO, tensors: TensorWriter) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._tensors = tensors

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is OrderedDict and not obj:
            return _NO_HOOKS
        if is_plain(obj):
            place = self._tensors.add(obj)
            return _tensor, (type(obj), tuple(place), obj.requires_grad, obj.grad)
        if isinstance(obj, _WHOLE):
            state = vars(obj) | (_EMPTY_CACHE if isinstance(obj, EpochScoring) else {})
            return copyreg.__newobj__, (type(obj),), state, None, None, _set_state  # type: ignore[attr-defined]
        if _is_replaced(obj):
            return getattr, (builtins, obj.__name__)
        return super().reducer_override(obj)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, tensors: TensorReader) -> None:
        super().__init__(file)
        self._tensors = tensors

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (__name__, _tensor.__name__):
            return partial(_tensor, tensors=self._tensors)
        return super().find_class(module, name)


def _tensor(
    kind: Any,
    place: tuple[Any, ...],
    requires_grad: bool,
    grad: torch.Tensor | None,
    tensors: TensorReader,
) -> torch.Tensor:
    tensor = tensors.get(Place(*place))
    if kind is torch.nn.Parameter:
        tensor = torch.nn.Parameter(tensor, requires_grad)
    tensor.requires_grad_(requires_grad)
    # Gradients that are gathered over several batches must not be lost between two rungs.
    tensor.grad = grad
    return tensor


def _is_replaced(obj: Any) -> bool:
    """Whether this is a function of Python's that has another in its place: Ray changes print."""
    is_builtin = isinstance(obj, BuiltinFunctionType) and obj.__module__ == "builtins"
    return is_builtin and getattr(builtins, obj.__name__, obj) is not obj


def _set_state(obj: Any, state: dict[str, Any]) -> None:
    vars(obj).update(state)
