"""Calls on tensors: made as they come, or recorded once and then played in the same memory.

A step of a small network is some thirty calls of torch. To find out again which they are, and to
take new memory for what each returns, takes longer than the calls themselves.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import torch

Function = Callable[..., Any]


class Calls(Protocol):
    """How layers and losses compute. What they do by other means must be views, or never change."""

    def new(self, function: Function, *args: Any, out: Sequence[str] = ("out",)) -> Any:
        """Return what a function returns; ``out`` names the arguments that take its results."""

    def again(self, function: Function, *args: Any) -> Any:
        """Return what a function returns that takes no such arguments."""

    def change(self, method: Function, *args: Any) -> None:
        """Call a function for what it does to a tensor."""

    def dense(self, tensor: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        """Return a tensor's numbers in order and in a shape, copied unless they lie in order."""


class Eager:
    """Makes calls as they come."""

    def new(self, function: Function, *args: Any, out: Sequence[str] = ("out",)) -> Any:
        """Call the function."""
        return function(*args)

    def again(self, function: Function, *args: Any) -> Any:
        """Call the function."""
        return function(*args)

    def change(self, method: Function, *args: Any) -> None:
        """Call the method."""
        method(*args)

    def dense(self, tensor: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        """Copy if need be."""
        return tensor.contiguous().view(tuple(shape))


class Tape:
    """Makes calls as they come, and remembers them with the memory of their results."""

    def __init__(self) -> None:
        self._calls: list[Callable[[], Any]] = []

    @torch.no_grad()
    def play(self) -> None:
        """Make all calls again."""
        for call in self._calls:
            call()

    def new(self, function: Function, *args: Any, out: Sequence[str] = ("out",)) -> Any:
        """Call the function, and when played have it fill the tensors that it returned."""
        found = function(*args)
        # To choose among an operator's signatures takes time; this one is called for its output.
        filling = getattr(function, out[0], function)
        self._calls.append(partial(filling, *args, **dict(zip(out, _several(found), strict=True))))
        return found

    def again(self, function: Function, *args: Any) -> Any:
        """Call the function, and when played copy what it returns over what it returned."""
        found = function(*args)
        results = _several(found)

        def refill() -> None:
            for result, latest in zip(results, _several(function(*args)), strict=True):
                if result is not None:
                    result.copy_(latest)

        self._calls.append(refill)
        return found

    def change(self, method: Function, *args: Any) -> None:
        """Call the method, now and when played."""
        method(*args)
        self._calls.append(partial(method, *args))

    def dense(self, tensor: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        """Copy if need be, now and when played."""
        copy = tensor.contiguous()
        if copy is not tensor:
            self._calls.append(partial(copy.copy_, tensor))
        return copy.view(tuple(shape))


def _several(found: Any) -> Sequence[Any]:
    return (found,) if isinstance(found, torch.Tensor) else found
