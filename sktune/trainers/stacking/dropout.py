"""Dropout in a stack: masks from a few random bits, with a rate and a generator per network.

torch's Bernoulli generator takes a quarter of a small network's training time. Here 16 random
bits are compared with a threshold, so that rates are exact to 1/65536.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from sktune.nets.randomness import draw_seed

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
_LEVELS = 1 << 16
_LOWEST = -(1 << 15)
# Masks are made for several steps at once, but not so many that they leave the cache.
_ELEMENTS_AT_ONCE = 1 << 17

Masks = list[torch.Tensor]
NamedShape = tuple[str, torch.Size]


class MaskedDropout(nn.Module):
    """Stands in for a dropout layer: multiplies by the next of the masks that it is given.

    Without masks it notes its name and the shape of the mask that it would need.
    """

    def __init__(self, name: str, layer: nn.Module) -> None:
        super().__init__()
        self.name = name
        # Channels are dropped whole by all but the plain kind.
        self.by_channel = type(layer) is not nn.Dropout
        self.needed: list[NamedShape] = []
        self.masks: Masks | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the next mask."""
        if not self.training:
            return x
        if self.masks is None:
            ones = (1,) * (x.dim() - 2)
            shape = torch.Size([*x.shape[:2], *ones]) if self.by_channel else x.shape
            self.needed.append((self.name, shape))
            return x
        return x * self.masks.pop(0)


def mask_dropout(module: nn.Module) -> list[MaskedDropout]:
    """Replace the dropout layers of a module; return those in their places."""
    found = [
        MaskedDropout(name, layer)
        for name, layer in module.named_modules()
        if type(layer) in DROPOUTS
    ]
    for masked in found:
        owner, _, attribute = masked.name.rpartition(".")
        setattr(module.get_submodule(owner), attribute, masked)
    return found


def dropout_rates(module: nn.Module, names: Sequence[str]) -> list[float]:
    """Return the dropout rates of the layers named."""
    return [float(module.get_submodule(name).p) for name in names]  # type: ignore[arg-type]


class MaskSource:
    """Draws the masks of an epoch.

    Parameters
    ----------
    rates : Tensor of shape (n_networks, n_layers)
        Dropout rates.
    like : Tensor
        Masks have its type and device.
    """

    def __init__(self, rates: torch.Tensor, like: torch.Tensor) -> None:
        self._like = like
        self.set_rates(rates)
        self._streams: list[np.random.SFC64 | None] = []
        self._kept: dict[tuple[int, ...], tuple[npt.NDArray[np.uint64], torch.Tensor]] = {}

    def set_rates(self, rates: torch.Tensor) -> None:
        """Draw with other rates from the next epoch on."""
        dropped = (rates * _LEVELS).round()
        self._thresholds = (_LOWEST + dropped).to(self._like)
        kept = (_LEVELS - dropped).to(self._like)
        self._scales = torch.where(kept > 0, _LEVELS / kept, 0.0)
        self._is_needed = (dropped > 0).any(dim=1).tolist()

    def begin_epoch(self, generators: Sequence[torch.Generator]) -> None:
        """Seed the bits of each network from its own generator.

        A network that drops nothing draws nothing, as with torch's own layers.
        """
        self._streams = [
            np.random.SFC64(draw_seed(generator)) if needed else None
            for needed, generator in zip(self._is_needed, generators, strict=True)
        ]

    def steps_at_once(self, networks: slice, shapes: Sequence[torch.Size]) -> int:
        """Return for how many steps masks should be drawn together; it changes no mask."""
        n_elements = len(self._streams[networks]) * sum(map(math.prod, shapes))
        return max(1, _ELEMENTS_AT_ONCE // max(1, n_elements))

    def draw(self, rows: slice, n_steps: int, shapes: Sequence[torch.Size]) -> list[Masks]:
        """Return, for each step, a mask of shape (n_networks, *shape) for each layer."""
        sizes = [math.prod(shape) for shape in shapes]
        if not sizes:
            return [[] for _ in range(n_steps)]
        bits = self._bits(rows, n_steps, sum(sizes))
        layers = []
        for layer, part in enumerate(bits.split(sizes, dim=2)):
            mask = part.ge_(self._thresholds[rows, layer, None, None])
            layers.append(mask.mul_(self._scales[rows, layer, None, None]))
        return [
            [mask[:, step].unflatten(1, shape) for mask, shape in zip(layers, shapes, strict=True)]
            for step in range(n_steps)
        ]

    def _bits(self, rows: slice, n_steps: int, n_elements: int) -> torch.Tensor:
        streams = self._streams[rows]
        words = -(-n_elements // 4)
        raw, bits = self._buffers(len(streams), n_steps, words)
        for row, stream in zip(raw, streams, strict=True):
            if stream is not None:
                row[:] = stream.random_raw(len(row))
        whole = torch.from_numpy(raw.view(np.int16)).view(bits.shape)
        return bits.copy_(whole)[:, :, :n_elements]

    def _buffers(
        self, n_networks: int, n_steps: int, words: int
    ) -> tuple[npt.NDArray[np.uint64], torch.Tensor]:
        # The masks of some steps are used up before the next are drawn; new memory for each
        # takes longer than what is done in it.
        key = (n_networks, n_steps, words)
        if key not in self._kept:
            raw = np.zeros((n_networks, n_steps * words), dtype=np.uint64)
            self._kept[key] = raw, self._like.new_empty(n_networks, n_steps, words * 4)
        return self._kept[key]
