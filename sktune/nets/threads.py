"""How many threads torch computes on: as many as the work is worth, whatever the machine has.

Threads of torch wait for each other after every operation, and spin meanwhile. Where other
processes use the cores too, a small network takes many times longer on two threads than on one.
"""

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

_WORTH_A_THREAD = 1 << 30
_LOCK = threading.Lock()
_outermost: list[int] = []


class _Blocks(threading.local):
    depth = 0


_blocks = _Blocks()


def n_threads(work: int) -> int:
    """Return the number of threads for training steps of some work.

    Parameters
    ----------
    work : int
        Multiplications of a mini-batch's forward pass, see :func:`multiplications`.

    Examples
    --------
    >>> n_threads(64 * 20_000), n_threads(64 * 100_000_000)
    (1, 5)
    """
    return max(1, work // _WORTH_A_THREAD)


def multiplications(module: nn.Module, row_shape: Sequence[int]) -> int:
    """Return about how many multiplications a forward pass takes for a row.

    A weight counts as often as it is used, each of a convolution once for a pixel it puts out;
    what the module does with rows of another shape cannot be told, and each weight counts once.

    Examples
    --------
    >>> multiplications(nn.Linear(10, 5, bias=False), (10,))
    50
    >>> multiplications(nn.Conv2d(1, 2, 3, padding=1, bias=False), (1, 8, 8))
    1152
    """
    found = {weight: weight.numel() for weight in module.parameters()}
    if len(row_shape) > 1 or any(weight.dim() > 2 for weight in found):
        found |= _used_often(module, row_shape)
    return sum(found.values())


def _used_often(module: nn.Module, row_shape: Sequence[int]) -> dict[nn.Parameter, int]:
    """Return the multiplications with each weight of the layers that put out channels."""
    found: dict[str, int] = {}
    blank = copy.deepcopy(module).to("meta").eval()
    names = {weight: name for name, weight in blank.named_parameters()}

    def count(layer: nn.Module, rows: Any, outputs: Any) -> None:
        weight = getattr(layer, "weight", None)
        if isinstance(outputs, torch.Tensor) and weight in names and weight.dim() > 1:
            n_uses = outputs.numel() // len(weight)
            found[names[weight]] = found.get(names[weight], 0) + weight.numel() * n_uses

    for layer in blank.modules():
        layer.register_forward_hook(count)
    try:
        blank(torch.empty(1, *row_shape, device="meta"))
    except Exception:  # whatever a module says of rows that it does not take
        return {}
    return {w: found[name] for name, w in module.named_parameters() if name in found}


def most_threads() -> int:
    """Return the number of threads that torch has outside of all blocks of :func:`at_most`."""
    with _LOCK:
        return max([torch.get_num_threads(), *_outermost])


@contextmanager
def at_most(n: int) -> Iterator[None]:
    """Compute on some threads, or on those that torch has if these are fewer, in a block.

    Examples
    --------
    >>> before = torch.get_num_threads()
    >>> with at_most(1):
    ...     torch.get_num_threads()
    1
    >>> torch.get_num_threads() == before
    True
    """
    with _LOCK:
        outer = torch.get_num_threads()
        if not _blocks.depth:
            # A new thread is given what torch has at the moment, which another may have lowered.
            outer = max([outer, *_outermost])
            _outermost.append(outer)
        _blocks.depth += 1
        torch.set_num_threads(min(n, outer))
    try:
        yield
    finally:
        with _LOCK:
            _blocks.depth -= 1
            if not _blocks.depth:
                _outermost.remove(outer)
            torch.set_num_threads(outer)
