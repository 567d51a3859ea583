"""The multi-layer perceptron: linear layers with normalisation, activation and dropout."""

from collections.abc import Iterator

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


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that takes a batch of a single row.

    One row has no variance, so it is normalised by the running statistics, as in evaluation.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise a batch of shape (n_rows, n_features)."""
        if self.training and len(x) == 1:
            return functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)


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
        yield nn.Linear(n_inputs, width)
        if normalization is not None:
            yield NORMALIZATIONS[normalization](width)
        yield ACTIVATIONS[activation]()
        # Kept at rate 0 too: networks that differ in the rate alone have the same structure.
        yield nn.Dropout(dropout)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the outputs, of shape (n_rows, n_outputs)."""
        outputs: torch.Tensor = self.layers(X)
        return outputs
