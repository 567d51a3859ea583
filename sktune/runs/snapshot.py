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
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from types import BuiltinFunctionType
from typing import Any

import cloudpickle
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping, EpochScoring
from torch import nn
from torch.nn.utils import parametrize
from torch.optim import Optimizer

from sktune.exceptions import InvalidSettingsError
from sktune.nets.randomness import Randomness
from sktune.runs.adapt import Adapted, blank
from sktune.runs.tensors import TensorReader, TensorSlot, TensorWriter, is_plain

Hooks = tuple[tuple[Any, ...], tuple[Any, ...]]
_WHOLE = (NeuralNet, EarlyStopping, EpochScoring)
# Every module of torch has a dozen.
_NO_HOOKS: tuple[Any, ...] = OrderedDict, ()
# It empties its cache when an epoch begins; until then that would keep the user's data.
_EMPTY_CACHE: dict[str, list[Any]] = {"y_trues_": [], "y_preds_": []}


@dataclass
class RunState:
    """A run between two rungs: the net, where its generators stand, the epochs it has had.

    ``stopped`` says that a callback of the net has ended its training, ``is_ended`` that the net
    was fitted by a method of its own, which told its callbacks of the end. ``files`` are those
    that its checkpoints have written, ``paths`` where the user wants them, and ``directory`` is
    where they are while the run is at work. ``loading`` is how mini-batches have been loaded since
    training began, ``has_other_rows`` that a callback has replaced the training rows.
    """

    net: NeuralNet
    randomness: Randomness
    epochs: int = 0
    stopped: bool = False
    is_ended: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    paths: list[dict[str, Any]] = field(default_factory=list)
    directory: str = ""
    loading: dict[str, Any] = field(default_factory=dict)
    has_other_rows: bool = False


def freeze(state: RunState) -> bytes:
    """Return the state as bytes, which any process can thaw.

    Raises
    ------
    InvalidSettingsError
        If the net or one of its callbacks holds what cannot be pickled; the message names it.
    """
    try:
        return _pickled(replace(state, directory=""))
    except Exception as error:
        held = " and ".join(_unpicklable(state.net))
        if not held:
            raise
        raise InvalidSettingsError(
            f"A run cannot be kept from one rung to the next, since {held} ({error}). Open what "
            "belongs to a process or a file when it is used, or leave it out by a `__getstate__` "
            "of the callback."
        ) from error


def _pickled(thing: Any) -> bytes:
    file, graph, tensors = io.BytesIO(), io.BytesIO(), TensorWriter()
    _Pickler(graph, tensors).dump(thing)
    tensors.write(file)
    file.write(graph.getbuffer())
    return file.getvalue()


def _unpicklable(net: NeuralNet) -> Iterator[str]:
    """Yield in words what of a net and its callbacks cannot be pickled."""
    owners = [(f"the callback {type(c).__name__}", vars(c)) for _, c in net.callbacks_ if _fails(c)]
    attributes = {
        n: value for n, value in vars(net).items() if n not in ("callbacks", "callbacks_")
    }
    for owner, held in [*owners, ("the net", attributes)]:
        for name, value in held.items():
            if _fails(value):
                yield f"{owner} has `{name}`, a {type(value).__name__}"


def _fails(thing: Any) -> bool:
    try:
        _pickled(thing)
    except Exception:  # whatever an object says of being pickled
        return True
    return False


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
            return _tensor, (type(obj), tuple(place), obj.requires_grad, obj.grad, _hooks(obj))
        if isinstance(obj, nn.Module) and parametrize.is_parametrized(obj):
            kind = type(obj).__bases__[0]
            return _parametrized, (kind,), vars(obj), None, None, _set_parametrized
        if isinstance(obj, _WHOLE):
            state = vars(obj) | (_EMPTY_CACHE if isinstance(obj, EpochScoring) else {})
            make, arguments = _maker(obj)
            return make, arguments, state, None, None, _set_state
        if isinstance(obj, Optimizer) and type(obj).__getstate__ is Optimizer.__getstate__:
            return copyreg.__newobj__, (type(obj),), _whole_state(obj)  # type: ignore[attr-defined]
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
    hooks: Hooks,
    tensors: TensorReader,
) -> torch.Tensor:
    tensor = tensors.get(TensorSlot(*place))
    if kind is torch.nn.Parameter:
        tensor = torch.nn.Parameter(tensor, requires_grad)
    tensor.requires_grad_(requires_grad)
    # Gradients that are gathered over several batches must not be lost between two rungs.
    tensor.grad = grad
    for hook in hooks[0]:
        tensor.register_hook(hook)
    for hook in hooks[1]:
        tensor.register_post_accumulate_grad_hook(hook)
    return tensor


def _hooks(tensor: torch.Tensor) -> Hooks:
    """Return the functions that are called for a tensor's gradient, and after it was added."""
    registered = tensor._backward_hooks, tensor._post_accumulate_grad_hooks
    before, after = (tuple((hooks or {}).values()) for hooks in registered)
    return before, after


def _whole_state(optimizer: Optimizer) -> dict[str, Any]:
    """Return all attributes, of which torch keeps three; ``step`` is what schedulers wrap."""
    return {name: value for name, value in vars(optimizer).items() if name != "step"}


def _is_replaced(obj: Any) -> bool:
    """Whether this is a function of Python's that has another in its place: Ray changes print."""
    is_builtin = isinstance(obj, BuiltinFunctionType) and obj.__module__ == "builtins"
    return is_builtin and getattr(builtins, obj.__name__, obj) is not obj


def _parametrized(kind: Any) -> nn.Module:
    """Return a module without attributes, whose class gets those of torch's parametrisations."""
    module: nn.Module = object.__new__(kind)
    return module


def _set_parametrized(module: nn.Module, state: dict[str, Any]) -> None:
    """Compute some of a module's weights from others, as torch's register_parametrization does.

    torch gives each such module a class of its own, which cannot be pickled.
    """
    vars(module).update(state)
    parametrize._inject_new_class(module)
    for name in state["_modules"]["parametrizations"]:
        parametrize._inject_property(module, name)


def _maker(obj: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return how an object without attributes is made."""
    if isinstance(obj, Adapted):
        # pickle would look the class up by its name.
        return blank, (obj.user_class_, obj.role_)
    return copyreg.__newobj__, (type(obj),)  # type: ignore[attr-defined]


def _set_state(obj: Any, state: dict[str, Any]) -> None:
    vars(obj).update(state)
