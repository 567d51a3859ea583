"""What the two kinds of multi-layer perceptron share: settings in a data scientist's words."""

import math
from typing import Any

from torch import nn

from sktune.nets.base import ReadyNet
from sktune.nets.module import MLP
from sktune.synonyms import says_what_is_meant


class TabularNet(ReadyNet):
    """A multi-layer perceptron on a table; its two kinds are classifier and regressor."""

    @says_what_is_meant
    def __init__(
        self,
        depth: int = 2,
        width: int = 128,
        dropout: float = 0.0,
        activation: str = "relu",
        normalization: str | None = None,
        lr: float = 1e-3,
        batch_size: int = 64,
        max_epochs: int = 30,
        weight_decay: float = 0.0,
        optimizer: str = "adamw",
        lr_schedule: str = "cosine",
        device: Any = "cpu",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.depth = depth
        self.width = width
        self.dropout = dropout
        self.activation = activation
        self.normalization = normalization
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _module(self, row_shape: tuple[int, ...], n_outputs: int) -> nn.Module:
        return MLP(
            math.prod(row_shape),
            n_outputs,
            depth=int(self.depth),
            width=int(self.width),
            dropout=float(self.dropout),
            activation=self.activation,
            normalization=self.normalization,
        )
