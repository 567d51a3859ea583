"""One training step as a list of calls of torch, recorded once and played in the same memory.

A step of a small network is some thirty calls of torch. To find out again which they are, and to
take new memory for what each returns, takes longer than the calls themselves. What a mode of torch
sees when such a step is made are the plain calls that are left after batching and differentiation.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

_aten: Any = torch.ops.aten
Play = Callable[[], Any]


class UnrecordableError(Exception):
    """A step does not consist of calls on tensors only."""


class Call:
    """A call that was made.

    Attributes
    ----------
    function, args, kwargs
        What was called, and with what.
    results : sequence of Tensor or None
        What it returned; None stands for no tensor.
    given, made, written : list of Tensor
        The tensors among the arguments, those that were returned, and those that it changes.
    """

    def __init__(
        self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], results: Sequence[Any]
    ) -> None:
        self.function, self.args, self.kwargs, self.results = function, args, kwargs, results
        self.given = list(_tensors([*args, *kwargs.values()]))
        self.made = list(_tensors(results))
        self.written = self._written() if function._schema.is_mutable else []

    def _written(self) -> list[torch.Tensor]:
        arguments = self.function._schema.arguments
        names = (argument.name for argument in arguments)
        given = {**dict(zip(names, self.args, strict=False)), **self.kwargs}
        return list(_tensors(given.get(a.name) for a in arguments if a.is_write))

    def is_view(self) -> bool:
        """Whether the results lie in the memory of what was given, and need no call again."""
        if self.written or not self.given:
            return False
        return set(map(_memory, self.given)).issuperset(map(_memory, self.made))


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _memory(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _written(calls: Iterable[Call]) -> set[int]:
    return {_memory(tensor) for call in calls for tensor in call.written}


def _with(call: Call, new: torch.Tensor, is_old: Callable[[torch.Tensor], bool]) -> Call:
    """Return a call in which a tensor stands for some others."""

    def latest(value: Any) -> Any:
        return new if isinstance(value, torch.Tensor) and is_old(value) else value

    return Call(call.function, *tree_map(latest, (call.args, call.kwargs, call.results)))


class _Recorder(TorchDispatchMode):
    """Sees the calls of torch that are made in its block."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.obstacle = ""

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Make a call and remember it."""
        kwargs = kwargs or {}
        if torch.Tag.inplace_view in function.tags:
            return self._reshaped(args[0], partial(function, *args, **kwargs))
        found = function(*args, **kwargs)
        if function.is_view:
            return found
        results = tuple(found) if isinstance(found, tuple | list) else (found,)
        if not all(result is None or isinstance(result, torch.Tensor) for result in results):
            self.obstacle = f"{function} returns no tensor"
            return found
        self.calls.append(Call(function, args, kwargs, results))
        return found

    def _reshaped(self, tensor: torch.Tensor, change: Callable[[], Any]) -> Any:
        """Change a tensor's shape in place; the calls so far refer to it as it was."""
        as_it_was, memory = tensor.detach(), _memory(tensor)

        self.calls = [_with(call, as_it_was, lambda t: t is tensor) for call in self.calls]
        found = change()
        if _memory(tensor) != memory:
            self.obstacle = "a tensor is given other memory"
        return found


def record(compute: Callable[[], Any]) -> "Recording":
    """Compute something and return a recording of it.

    Raises
    ------
    UnrecordableError
        If it looked at numbers in tensors other than by functions of torch; it is computed then.
    """
    recorder = _Recorder()
    with torch.no_grad(), recorder:
        compute()
    if recorder.obstacle:
        raise UnrecordableError(recorder.obstacle)
    return Recording(recorder.calls)


class RecordedStep:
    """A step that is recorded when it is made first, and then played.

    One that looks at numbers by other means than torch's is made anew each time.
    """

    def __init__(self, compute: Callable[[], None]) -> None:
        self._compute, self._play = compute, self._record

    def __call__(self) -> None:
        """Make the step."""
        self._play()

    def _record(self) -> None:
        try:
            self._play = record(self._compute).play
        except UnrecordableError:  # which leaves it computed
            self._play = self._compute


class Recording:
    """Calls that can be made again, with whatever numbers are in the memory that they were given.

    Parameters
    ----------
    calls : sequence of Call
        The calls in order. Nothing but these may use what they return.

    Examples
    --------
    >>> x, found = torch.ones(3), torch.empty(())
    >>> recording = record(lambda: found.copy_((2 * x).sum()))
    >>> x[0] = 5
    >>> recording.play()
    >>> found
    tensor(14.)
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        moving = _Moving()
        kept = _without_constants([call for call in calls if not call.is_view()])
        self._plays = [moving.play_of(call) for call in _with_sums_in_place(kept)]

    def __len__(self) -> int:
        return len(self._plays)

    @torch.no_grad()
    def play(self) -> None:
        """Make the calls again."""
        for play in self._plays:
            play()


# What these return does not depend on the numbers that they are given.
_BLANK = frozenset(
    [f"aten::{kind}_like" for kind in ("ones", "zeros", "full", "empty")]
    + [f"aten::new_{kind}" for kind in ("ones", "zeros", "full", "empty")]
)


def _without_constants(calls: Sequence[Call]) -> list[Call]:
    """Leave out calls that return the same again whenever they are made."""
    written = _written(calls)
    constants: set[int] = set()
    kept = []
    for call in calls:
        is_blank = call.function._schema.name in _BLANK
        made = set(map(_memory, call.made))
        given = set() if is_blank else set(map(_memory, call.given))
        if given <= constants and made.isdisjoint(written) and not call.written:
            constants |= made
        else:
            kept.append(call)
    return kept


def _with_sums_in_place(calls: Sequence[Call]) -> Iterator[Call]:
    """Put what is added to products of matrices, such as biases, into the memory of these."""
    uses = Counter(_memory(tensor) for call in calls for tensor in call.given)
    written = _written(calls)
    products = {
        _memory(call.made[0]): call
        for call in calls
        if call.function.name() == "aten::bmm" and uses[_memory(call.made[0])] == 1
        if written.isdisjoint(map(_memory, call.made))
    }
    moved = {}
    for call in calls:
        product = _product_in(call, products)
        if product is not None:
            place = call.made[0].view(product.made[0].shape)
            moved[id(product)] = Call(product.function, product.args, {}, [place])
            old = _memory(product.made[0])
            moved[id(call)] = _with(call, call.made[0], partial(_is_in, old))
    yield from (moved.get(id(call), call) for call in calls)


def _product_in(call: Call, products: Mapping[int, Call]) -> Call | None:
    """Return the product in a sum whose results could have been put where those of the sum are."""
    if call.function.name() != "aten::add.Tensor":
        return None
    made = call.made[0]
    for tensor in call.given:
        product = products.get(_memory(tensor))
        is_same = tensor.dtype == made.dtype and _layout(tensor) == _layout(made)
        is_whole = tensor.is_contiguous() and product and tensor.numel() == product.made[0].numel()
        if is_same and is_whole:
            return product
    return None


def _is_in(memory: int, tensor: torch.Tensor) -> bool:
    return _memory(tensor) == memory


class _Moving:
    """Results whose memory is new whenever the calls are made, and the calls that use them."""

    def __init__(self) -> None:
        self._latest: dict[int, list[torch.Tensor]] = {}

    def play_of(self, call: Call) -> Play:
        """Return how to make a call again."""
        function, names = _filling(call)
        if function is None:
            return self._replacing(call)
        filled = dict(zip(names, call.made, strict=True))
        return self._bound(function, call.args, {**call.kwargs, **filled})

    def _replacing(self, call: Call) -> Play:
        make = self._bound(call.function, call.args, call.kwargs)
        if call.written:
            return make
        boxes = [None if result is None else [result] for result in call.results]
        for box in filter(None, boxes):
            self._latest[_memory(box[0])] = box

        def play() -> None:
            found = make()
            results = found if isinstance(found, tuple | list) else (found,)
            for box, result in zip(boxes, results, strict=True):
                if box is not None:
                    box[0] = result

        return play

    def _bound(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Play:
        if self._latest.keys().isdisjoint(map(_memory, _tensors([*args, *kwargs.values()]))):
            return partial(function, *args, **kwargs)
        leaves, tree = tree_flatten((tuple(args), dict(kwargs)))
        moving = [
            (number, self._latest[_memory(leaf)], _layout(leaf))
            for number, leaf in enumerate(leaves)
            if isinstance(leaf, torch.Tensor) and _memory(leaf) in self._latest
        ]

        def play() -> Any:
            for number, box, layout in moving:
                leaves[number] = box[0].as_strided(*layout)
            args, kwargs = tree_unflatten(leaves, tree)
            return function(*args, **kwargs)

        return play


def _layout(tensor: torch.Tensor) -> tuple[Any, ...]:
    return tensor.size(), tensor.stride(), tensor.storage_offset()


def _filling(call: Call) -> tuple[Any, list[str]]:
    """Return a function that puts its results into given memory, and the names of these."""
    if len(call.made) < len(call.results):
        return None, []
    same, n_args = _SAME.get(call.function.name(), (None, 0))
    if same is not None and len(call.args) <= n_args:
        return same, ["out"]
    return _filling_overload(call.function)


def _copy(source: torch.Tensor, *_: Any, out: torch.Tensor, **__: Any) -> None:
    out.copy_(source)


# Functions that return the same for so many arguments, and can be told where to put it. torch's
# own take a third of the time that it takes to call an overload.
_SAME: Mapping[str, tuple[Callable[..., Any], int]] = {
    "aten::clone": (_copy, 1),
    "aten::_to_copy": (_copy, 1),
    "aten::relu": (partial(torch.clamp_min, min=0), 1),
    "aten::mul.Scalar": (torch.mul, 2),
    "aten::div.Scalar": (torch.div, 2),
    "aten::add.Scalar": (torch.add, 2),
    "aten::sub.Scalar": (torch.sub, 2),
    "aten::mul.Tensor": (torch.mul, 2),
    "aten::div.Tensor": (torch.div, 2),
    "aten::add.Tensor": (torch.add, 2),
    "aten::sub.Tensor": (torch.sub, 2),
    "aten::neg": (torch.neg, 1),
    "aten::bmm": (torch.bmm, 2),
    "aten::sum.dim_IntList": (torch.sum, 3),
    "aten::mean.dim": (torch.mean, 3),
    "aten::gather": (torch.gather, 3),
}


@cache
def _filling_overload(function: Any) -> tuple[Any, list[str]]:
    packet = function.overloadpacket
    wanted = _signature(function._schema.arguments)
    for name in packet.overloads():
        overload = getattr(packet, name)
        arguments = overload._schema.arguments
        outs = [argument.name for argument in arguments if argument.is_out]
        # Generated ones call the plain function and copy.
        if torch.Tag.generated in overload.tags or not outs:
            continue
        if _signature(a for a in arguments if not a.is_out) == wanted:
            return overload, outs
    return None, []


def _signature(arguments: Iterable[Any]) -> list[tuple[str, str]]:
    return [(argument.name, str(argument.type)) for argument in arguments]
