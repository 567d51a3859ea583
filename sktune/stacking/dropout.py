"""Dropout in a stack: masks from a few random bits, with a rate and a generator per network.

torch's Bernoulli generator takes a quarter of a small network's training time. Here 16 random
bits are compared with a threshold, so that rates are exact to 1/65536.
"""

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
        self._drawn: list[tuple[torch.Tensor, ...]] = []
        self._kept: dict[tuple[int, int, int], npt.NDArray[np.uint64]] = {}

    def set_rates(self, rates: torch.Tensor) -> None:
        """Draw with other rates from the next epoch on."""
        dropped = (rates * _LEVELS).round()
        kept = (_LEVELS - dropped).to(self._like)
        self._scales = torch.where(kept > 0, _LEVELS / kept, 0.0).split(1, dim=1)
        # One that drops all is scaled by zero.
        thresholds = (_LOWEST + dropped).clamp(max=-_LOWEST - 1)
        self._thresholds = thresholds.to(self._like.device, torch.int16).split(1, dim=1)
        self._is_needed = (dropped > 0).any(dim=1).tolist()

    def begin_epoch(self, generators: Sequence[torch.Generator]) -> None:
        """Seed the bits of each network from its own generator.

        A network that drops nothing draws nothing, as with torch's own layers.
        """
        self._streams = [
            np.random.SFC64(draw_seed(generator)) if needed else None
            for needed, generator in zip(self._is_needed, generators, strict=True)
        ]
        self._drawn = []

    def fill(self, networks: slice, masks: Masks, n_alike: int) -> None:
        """Put the next masks of some networks into given memory.

        Parameters
        ----------
        networks : slice
            The networks.
        masks : list of Tensor of shape (n_networks, ...)
            The memory, one for each layer.
        n_alike : int
            This step and those that follow with masks of the same networks and shapes.
        """
        if not masks:
            return
        if not self._drawn:
            sizes = [mask.numel() // len(mask) for mask in masks]
            at_once = max(1, _ELEMENTS_AT_ONCE // (len(masks[0]) * sum(sizes)))
            bits = self._bits(networks, min(n_alike, at_once), sum(sizes))
            layers = [layer.unbind(1) for layer in bits.split(sizes, dim=2)]
            self._drawn = list(zip(*layers, strict=True))[::-1]
        latest = zip(masks, self._drawn.pop(), self._thresholds, self._scales, strict=True)
        for mask, own, threshold, scale in latest:
            flat = mask.view(len(mask), -1)
            torch.ge(own, threshold[networks], out=flat)
            flat.mul_(scale[networks])

    def _bits(self, networks: slice, n_steps: int, n_elements: int) -> torch.Tensor:
        """Return 16 random bits for each element, of shape (n_networks, n_steps, n_elements)."""
        streams, n_words = self._streams[networks], -(-n_elements // 4)
        # The masks of some steps are used up before the next are drawn; new memory for each
        # takes longer than what is done in it.
        key = len(streams), n_steps, n_words
        if key not in self._kept:
            self._kept[key] = np.zeros((len(streams), n_steps * n_words), dtype=np.uint64)
        raw = self._kept[key]
        for words, stream in zip(raw, streams, strict=True):
            if stream is not None:
                words[:] = stream.random_raw(len(words))
        bits = torch.from_numpy(raw.view(np.int16)).to(self._like.device)
        return bits.view(len(streams), n_steps, -1)[:, :, :n_elements]
