"""What a net's module answers to a few rows, found without a trace on the net or the generators."""

import copy
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from skorch import NeuralNet
from skorch.dataset import unpack_data
from torch.overrides import TorchFunctionMode
from torch.utils.data import Subset

from sktune.nets.randomness import Randomness

N_ROWS = 3


def mini_batch(net: NeuralNet, X: Any, y: Any = None, rows: Iterable[int] = range(N_ROWS)) -> Any:
    """Return some rows, the first if none are named, as the net loads them."""
    with without_trace():
        dataset = net.get_dataset(X, y)
        few = Subset(dataset, [row for row in rows if row < len(dataset)])
        return next(iter(net.get_iterator(few, training=False)))


def tried(net: NeuralNet, Xi: Any) -> Any:
    """Return what the net puts out in evaluation for the rows of a mini-batch.

    Raises
    ------
    Exception
        Whatever the module raises.
    """
    with without_trace():
        return _twin(net).evaluation_step((Xi, None), training=False)


def first_of(outputs: Any) -> Any:
    """Return the first of several outputs, which is what skorch predicts from."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


def trained_on(net: NeuralNet, Xi: Any) -> Any:
    """Return what the net puts out in training for the rows of a mini-batch."""
    twin = _twin(net)
    with without_trace(), torch.no_grad():
        twin._set_training(True)
        return twin.infer(Xi)


def loss_of(net: NeuralNet, outputs: Any, yi: Any, Xi: Any) -> torch.Tensor:
    """Return the loss of some outputs in training."""
    with without_trace(), torch.no_grad():
        loss: torch.Tensor = _twin(net).get_loss(outputs, yi, X=Xi, training=True)
    return loss


def outputs_of(net: NeuralNet, X: Any) -> Any:
    """Return what the net puts out for the first rows, None if it cannot take them.

    It is None as well if the first output is no tensor.
    """
    try:
        outputs = tried(net, unpack_data(mini_batch(net, X))[0])
    except Exception:  # whatever a module and its data set say of rows that they do not take
        return None
    return outputs if isinstance(first_of(outputs), torch.Tensor) else None


def takes(net: NeuralNet, Xi: Any) -> bool:
    """Whether the net can take the rows of a mini-batch."""
    try:
        tried(net, torch.as_tensor(Xi))
    except Exception:  # whatever torch says of numbers that a layer does not take
        return False
    return True


def broadcasts(net: NeuralNet, outputs: Any, y: torch.Tensor) -> bool:
    """Whether the net's loss pairs each first output with each target: (n, 1) with (n,).

    What a loss cannot take at all counts as well.
    """
    watch = _ShapeWatch(first_of(outputs).shape, y.shape)
    try:
        with watch:
            loss_of(net, outputs, y, None)
    except Exception:  # whatever a loss says of shapes that it does not take
        return True
    return watch.has_met


class _ShapeWatch(TorchFunctionMode):
    """Notices calls that are given tensors of both shapes."""

    def __init__(self, *shapes: torch.Size) -> None:
        super().__init__()
        self._shapes, self.has_met = set(shapes), False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [*args, *(kwargs or {}).values()]
        shapes = {part.shape for part in given if isinstance(part, torch.Tensor)}
        self.has_met |= self._shapes <= shapes
        return func(*args, **(kwargs or {}))


def _twin(net: NeuralNet) -> NeuralNet:
    """Return the net with modules and losses of its own, which may be called and changed."""
    other: NeuralNet = object.__new__(type(net))
    names = [f"{name}_" for name in (*net._modules, *net._criteria)]
    vars(other).update(vars(net) | {name: _copied(vars(net)[name]) for name in names})
    return other


def _copied(module: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of a module; what it has computed from its weights is copied as numbers."""
    held = (thing for part in module.modules() for thing in vars(part).values())
    computed = (t for t in held if isinstance(t, torch.Tensor) and not t.is_leaf)
    return copy.deepcopy(module, {id(tensor): tensor.detach().clone() for tensor in computed})


@contextmanager
def without_trace() -> Iterator[None]:
    """Leave no warning, and the generators as they were."""
    with Randomness(0).turn(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what there is to warn of, training will
        yield
