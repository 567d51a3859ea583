"""Random generators of one's own: the global ones are borrowed for a while and given back.

Dropout and weight initialisation of torch draw from one generator per process, so whoever
borrows it must be alone: threads take turns.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch

_TURN = threading.RLock()


class _State(NamedTuple):
    python: Any
    numpy: Any
    torch: torch.Tensor
    cuda: list[torch.Tensor] | int | None


def _capture() -> _State:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return _State(random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda)


def _install(state: _State) -> None:
    random.setstate(state.python)
    np.random.set_state(state.numpy)
    torch.set_rng_state(state.torch)
    if not torch.backends.cuda.is_built():
        return
    if isinstance(state.cuda, int):
        # Queued by torch until CUDA is first used: a seed alone opens no context on the GPU.
        torch.cuda.manual_seed_all(state.cuda)
    elif state.cuda is not None:
        torch.cuda.set_rng_state_all(state.cuda)


def _seeded(seed: int) -> _State:
    return _State(
        random.Random(seed).getstate(),
        np.random.RandomState(seed).get_state(),
        torch.Generator().manual_seed(seed).get_state(),
        seed,
    )


def draw_seed(generator: torch.Generator) -> int:
    """Return the number that torch's loaders and samplers draw when they want a seed."""
    return int(torch.empty((), dtype=torch.int64).random_(generator=generator))


class Randomness:
    """The states of Python's, NumPy's and torch's generators, apart from the global ones.

    Parameters
    ----------
    seed : int
        Between 0 and 2**32 - 1.

    Examples
    --------
    >>> own = Randomness(0)
    >>> with own.turn():
    ...     first = torch.rand(1)
    >>> with own.turn():
    ...     second = torch.rand(1)
    >>> bool(first == torch.rand(1, generator=torch.Generator().manual_seed(0)))
    True
    """

    def __init__(self, seed: int) -> None:
        self._state = _seeded(seed)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Make these the global generators for the length of a ``with`` block."""
        with _TURN:
            outer = _capture()
            _install(self._state)
            try:
                yield
            finally:
                self.hold()
                _install(outer)

    def generator(self) -> torch.Generator:
        """Return a generator of torch's that stands where this one stands."""
        generator = torch.Generator()
        generator.set_state(self._state.torch)
        return generator

    def follow(self, generator: torch.Generator) -> None:
        """Stand where a generator of torch's has come to."""
        self._state = self._state._replace(torch=generator.get_state())

    def hold(self) -> None:
        """Remember, within a turn, where the generators stand now."""
        self._state = _capture()
