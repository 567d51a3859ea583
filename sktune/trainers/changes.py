"""What code of the user's changes of a network while a stack trains it.

A stack's program, optimiser and masks are made once, from the networks as they are then. A
callback may change any of that: it is compared before and after each call of such code.
"""

from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

import torch
from skorch import NeuralNet
from torch import nn

from sktune.runs.overrides import replaced
from sktune.runs.rows import whole
from sktune.trainers.obstacles import changed_obstacle
from sktune.trainers.settings import clipping, contents, shared


class Facts(NamedTuple):
    """What a stack has made use of, by name, and the objects that are told by identity.

    ``contents`` are those of module and loss, which take longest to find.
    """

    values: dict[str, Hashable]
    held: list[Any]
    contents: dict[str, Hashable]


def facts(net: NeuralNet, dataset: Any, known: dict[str, Hashable] | None = None) -> Facts:
    """Return what a stack makes use of in a net and its training rows.

    Learning rate, weight decay and dropout rates are not among it: those are read at each epoch.
    ``known`` are the contents of module and loss, if nothing was called since that changes them.
    """
    made_of = known or contents(net)
    objects = {
        "module": [net.module_, *_tensors(net.module_)],
        "loss": [net.criterion_],
        "optimiser": [net.optimizer_, *_state(net.optimizer_)],
        "callbacks": [callback for _, callback in net.callbacks_],
        "training rows": [dataset, *_arrays(dataset)],
    }
    values: dict[str, Hashable] = {
        **{f"{name} ": tuple(map(_identity, held)) for name, held in objects.items()},
        "settings": changed_obstacle(net),
        "methods": tuple((name, id(vars(net)[name])) for name in sorted(replaced(net))),
        # Of it, stacks have only the kind of norm in common.
        "clipping": clipping(net),
        **made_of,
        **shared(net),
    }
    return Facts(values, list(objects.values()), made_of)


def changed(before: Facts, after: Facts) -> str:
    """Return the name of what differs, none if nothing does."""
    names = (name for name in before.values if before.values[name] != after.values[name])
    return next(names, "").strip()


def _tensors(module: nn.Module) -> Iterator[torch.Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def _state(optimizer: Any) -> Iterator[Any]:
    for state in optimizer.state.values():
        yield from state.values()


def _arrays(dataset: Any) -> Iterator[Any]:
    inner = whole(dataset)
    yield from (inner, *vars(inner).values())


def _identity(thing: Any) -> Hashable:
    # A tensor may be the same object with other numbers, in another place of the memory.
    return id(thing), thing.data_ptr() if isinstance(thing, torch.Tensor) else 0
