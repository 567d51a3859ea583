"""The tensors of a snapshot, one after the other, read by torch's weights-only reader.

Tensor by tensor its format takes longer than an epoch of a small network.
"""

from typing import IO, Any, NamedTuple

import torch

_PLAIN = (torch.Tensor, torch.nn.Parameter)


class TensorSlot(NamedTuple):
    """Where a tensor is: in which row of numbers, from where on, and how it lies there."""

    row: int
    start: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def is_plain(thing: Any) -> bool:
    """Whether this is a tensor that is told by its numbers and its place."""
    return (
        type(thing) in _PLAIN
        and thing.layout == torch.strided
        and thing.device.type != "meta"
        and thing.is_leaf
        and not thing.is_quantized
        and not vars(thing)
    )


class TensorWriter:
    """Gathers tensors: a row for each device and type of numbers."""

    def __init__(self) -> None:
        self._rows: dict[tuple[torch.device, torch.dtype], list[torch.Tensor]] = {}
        self._lengths: dict[tuple[torch.device, torch.dtype], int] = {}

    def add(self, tensor: torch.Tensor) -> TensorSlot:
        """Put a tensor at the end of its row."""
        key = tensor.device, tensor.dtype
        row, start = self._rows.setdefault(key, []), self._lengths.get(key, 0)
        # A clone is dense, and lies as the tensor does.
        dense = tensor.detach() if tensor.is_contiguous() else tensor.detach().clone()
        row.append(dense.as_strided((dense.numel(),), (1,)))
        self._lengths[key] = start + dense.numel()
        return TensorSlot(list(self._rows).index(key), start, tuple(dense.shape), dense.stride())

    def write(self, file: IO[bytes]) -> None:
        """Write all rows."""
        rows = [(str(device), torch.cat(row).cpu()) for (device, _), row in self._rows.items()]
        # The newer format wraps the same bytes in a ZIP archive, at several times the cost.
        torch.save(rows, file, _use_new_zipfile_serialization=False)


class TensorReader:
    """Gives back what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        rows = torch.load(file, weights_only=True)
        self._rows: list[torch.Tensor] = [row.to(device) for device, row in rows]

    def get(self, place: TensorSlot) -> torch.Tensor:
        """Return a tensor with a memory of its own."""
        length = torch.Size(place.shape).numel()
        row = self._rows[place.row][place.start : place.start + length]
        return row.clone().as_strided(place.shape, place.stride)
