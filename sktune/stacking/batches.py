"""The mini-batches of a stack: of each network the same rows in the same order as alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from sktune.nets.randomness import draw_seed
from sktune.nets.sparse import AnyRows
from sktune.stacking.columns import column

Targets = tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Table:
    """What a network is trained on: arrays, and which of their rows if not all.

    Networks with the same ``source`` have the same arrays.
    """

    source: int
    X: AnyRows
    targets: tuple[npt.NDArray[Any], ...]
    rows: npt.NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.X) if self.rows is None else len(self.rows)

    @property
    def kind(self) -> tuple[Any, ...]:
        """Shapes and types of a row, which networks of one stack have in common."""
        return tuple((a.shape[1:], a.dtype.str) for a in (self.X, *self.targets))


def epoch_order(n_rows: int, shuffle: bool, generator: torch.Generator) -> torch.Tensor:
    """Return the order in which torch's loader takes rows when the generator stands there.

    The loader first draws a seed for its workers, then its sampler one for the order.
    """
    draw_seed(generator)
    if not shuffle:
        return torch.arange(n_rows)
    own = torch.Generator()
    own.manual_seed(draw_seed(generator))
    return torch.randperm(n_rows, generator=own)


class Batch(NamedTuple):
    """A mini-batch of neighbouring networks: of each its rows, equally many.

    ``n_alike`` counts it and those of the same networks and as many rows that follow in the epoch.
    """

    networks: slice
    rows: torch.Tensor
    n_alike: int = 1


class Batches:
    """The training rows of a stack.

    Parameters
    ----------
    tables : sequence of Table
        One for each network, of one kind, networks with equally many rows side by side.
    batch_size : int
        Rows of a mini-batch; -1 is all.
    drop_last : bool
        Leave last batches that are not full out.
    device : torch.device
        Where the networks are.
    """

    def __init__(
        self, tables: Sequence[Table], batch_size: int, drop_last: bool, device: torch.device
    ) -> None:
        firsts = list({table.source: table for table in tables}.values())
        starts = np.cumsum([0, *(len(table.X) for table in firsts)])
        start = {table.source: int(s) for table, s in zip(firsts, starts, strict=False)}
        self._offsets = [start[table.source] for table in tables]
        self._tables, self._drop_last = tables, drop_last
        self.sizes = [len(table) for table in tables]
        self.batch_size = batch_size if batch_size > 0 else max(self.sizes)
        self._device = device
        parts = zip(*((table.X, *table.targets) for table in firsts), strict=True)
        self._columns = [column(part, device) for part in parts]

    @property
    def n_steps(self) -> int:
        """Mini-batches of an epoch; all networks have equally many."""
        return batches_in(self.sizes[0], self.batch_size, self._drop_last)

    @property
    def n_full(self) -> int:
        """Mini-batches that are full for all networks."""
        return min(self.sizes) // self.batch_size

    def step_sizes(self, network: int) -> list[int]:
        """Return the number of rows in each mini-batch of a network."""
        n_full, rest = divmod(self.sizes[network], self.batch_size)
        return [self.batch_size] * n_full + [rest] * (self.n_steps - n_full)

    def first(self) -> tuple[torch.Tensor, Targets]:
        """Return a mini-batch of the first network: its first rows."""
        table = self._tables[0]
        own = np.arange(len(table)) if table.rows is None else table.rows
        rows = torch.from_numpy(own[: self.batch_size] + self._offsets[0]).to(self._device)
        X, *targets = (part.take(rows) for part in self._columns)
        return X, tuple(targets)

    def order(self, network: int, shuffle: bool, generator: torch.Generator) -> torch.Tensor:
        """Return the rows of an epoch of a network, in order."""
        table = self._tables[network]
        order = epoch_order(len(table), shuffle, generator)
        rows = order if table.rows is None else torch.from_numpy(table.rows)[order]
        return rows + self._offsets[network]

    def epoch(self, orders: Sequence[torch.Tensor]) -> Iterator[list[Batch]]:
        """Yield the mini-batches of each step."""
        size = self.batch_size
        n_full = self.n_full
        full = torch.stack([order[: n_full * size].view(n_full, size) for order in orders])
        for step, rows in enumerate(full.transpose(0, 1).contiguous().to(self._device)):
            yield [Batch(slice(0, len(orders)), rows, n_full - step)]
        rest = [order[n_full * size :] for order in orders]
        if not self._drop_last and any(len(rows) for rows in rest):
            yield list(self._last(rest))

    def _last(self, rest: Sequence[torch.Tensor]) -> Iterator[Batch]:
        """Yield the last batches, which differ in size when the folds do."""
        start = 0
        for stop in range(1, len(rest) + 1):
            if stop == len(rest) or len(rest[stop]) != len(rest[start]):
                rows = torch.stack(list(rest[start:stop])).to(self._device)
                yield Batch(slice(start, stop), rows)
                start = stop

    def room(self, n_networks: int, n_rows: int) -> tuple[torch.Tensor, Targets]:
        """Return tensors to load a mini-batch into."""
        X, *targets = (part.room(n_networks, n_rows) for part in self._columns)
        return X, tuple(targets)

    def load(self, rows: torch.Tensor, X: torch.Tensor, targets: Targets) -> None:
        """Put a mini-batch into such tensors."""
        flat = rows.view(-1)
        for part, place in zip(self._columns, (X, *targets), strict=True):
            part.load(flat, place)


def batches_in(n_rows: int, batch_size: int, drop_last: bool) -> int:
    """Return the number of mini-batches of an epoch."""
    if batch_size <= 0:
        return 1
    return n_rows // batch_size if drop_last else -(-n_rows // batch_size)
