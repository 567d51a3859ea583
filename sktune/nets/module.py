"""The modules of the ready-made nets: a multi-layer perceptron and a convolutional network."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
}


class _TakesOneValue:
    """Batch normalisation that takes a batch with a single value per channel.

    One value has no variance, so it is normalised by the running statistics, as in evaluation.
    """

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        """Normalise a batch of shape (n_rows, n_channels, ...)."""
        if self.training and x[:, 0].numel() == 1:
            return functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        normal: torch.Tensor = super().forward(x)  # type: ignore[misc]
        return normal


class BatchNorm(_TakesOneValue, nn.BatchNorm1d):
    """Batch normalisation of rows."""


class ImageBatchNorm(_TakesOneValue, nn.BatchNorm2d):
    """Batch normalisation of images."""


NORMALIZATIONS: dict[str | None, type[nn.Module]] = {
    None: nn.Identity,
    "batch": BatchNorm,
    "layer": nn.LayerNorm,
}


class MLP(nn.Module):
    """A multi-layer perceptron from (n_rows, n_inputs) to (n_rows, n_outputs).

    ``depth`` hidden layers of ``width`` units, each followed by normalisation, activation and
    dropout, then a linear layer; ``depth=0`` is a linear model.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        depth: int,
        width: int,
        dropout: float,
        activation: str,
        normalization: str | None,
    ) -> None:
        super().__init__()
        sizes = [n_inputs] + [width] * depth
        hidden = [
            layer
            for size in sizes[:-1]
            for layer in self._layer(size, width, dropout, activation, normalization)
        ]
        self.layers = nn.Sequential(*hidden, nn.Linear(sizes[-1], n_outputs))

    @staticmethod
    def _layer(
        n_inputs: int, width: int, dropout: float, activation: str, normalization: str | None
    ) -> Iterator[nn.Module]:
        # Batch normalisation takes any bias away again.
        yield nn.Linear(n_inputs, width, bias=normalization != "batch")
        if normalization is not None:
            yield NORMALIZATIONS[normalization](width)
        yield ACTIVATIONS[activation]()
        # Kept at rate 0 too: networks that differ in the rate alone have the same structure.
        yield nn.Dropout(dropout)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the outputs, of shape (n_rows, n_outputs)."""
        outputs: torch.Tensor = self.layers(X)
        return outputs


class ConvNet(nn.Module):
    """A convolutional network from (n_rows, n_channels, height, width) to (n_rows, n_outputs).

    ``depth`` convolutions, each followed by normalisation, activation and a pooling that halves
    the image; the first has ``filters`` filters and each next one twice as many. A linear layer
    with dropout reads what is left.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_outputs: int,
        depth: int,
        filters: int,
        kernel_size: int,
        dropout: float,
        activation: str,
        normalization: str | None,
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        sizes = [channels] + [filters * 2**layer for layer in range(depth)]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            # Batch normalisation takes any bias away again.
            bias = normalization != "batch"
            padding = kernel_size // 2
            layers.append(nn.Conv2d(n_in, n_out, kernel_size, padding=padding, bias=bias))
            if normalization is not None:
                layers.append(ImageBatchNorm(n_out))
            # What is left over at the border counts, so that no image becomes empty.
            layers += [ACTIVATIONS[activation](), nn.MaxPool2d(2, ceil_mode=True)]
            height, width = -(-height // 2), -(-width // 2)
        n_features = sizes[-1] * height * width
        head = [nn.Flatten(), nn.Dropout(dropout), nn.Linear(n_features, n_outputs)]
        self.layers = nn.Sequential(*layers, *head)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the outputs, of shape (n_rows, n_outputs)."""
        outputs: torch.Tensor = self.layers(X)
        return outputs
