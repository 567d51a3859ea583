"""Layers over a stack: each with its forward and its backward pass, written out.

Tensors have the networks as their first axis and the rows of a mini-batch as their second. Going
through torch.func and autograd instead costs three times as much for small networks.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import nn

from sktune.nets.module import BatchNorm, ImageBatchNorm
from sktune.trainers.stacking.weights import Tensors

_aten: Any = torch.ops.aten
Names = dict[int, str]


class Pass:
    """Forward and backward passes through neighbouring networks of a stack."""

    def __init__(self, weights: Tensors, buffers: Tensors) -> None:
        self.weights, self.buffers = weights, buffers
        # Views that layers need in every step; making one takes as long as a small product.
        self.transposed = {n: w.transpose(1, 2) for n, w in weights.items() if w.dim() == 3}
        self.as_row = {n: w.unsqueeze(1) for n, w in weights.items() if w.dim() == 2}
        self.training = True
        self.masks: list[torch.Tensor] = []
        self.gradients: dict[str, torch.Tensor] = {}

    def begin(self, training: bool, masks: Sequence[torch.Tensor] = ()) -> None:
        """Begin a forward pass."""
        self.training, self.masks, self.gradients = training, list(masks), {}

    def add_gradient(self, name: str, gradient: torch.Tensor) -> None:
        """Add to the gradient of a parameter, which may be used more than once."""
        known = self.gradients.get(name)
        self.gradients[name] = gradient if known is None else known + gradient


class Layer(Protocol):
    """A step of a program, which remembers from forward to backward what it needs.

    Those with weights have an attribute ``passes_on``: whether gradients by the input are wanted.
    """

    @property
    def forward(self) -> Callable[..., torch.Tensor]:
        """From the pass and the inputs to the outputs."""

    @property
    def backward(self) -> Callable[[Pass, torch.Tensor], tuple[torch.Tensor, ...]]:
        """From the gradients by the outputs to those by the inputs.

        Gradients by the weights are added to the pass.
        """


class Linear:
    """Affine maps, as one batched matrix product."""

    passes_on = True

    def __init__(self, module: nn.Linear, names: Names) -> None:
        self.weight = names[id(module.weight)]
        self.bias = names.get(id(module.bias))

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Multiply rows by the weights."""
        self.shape = x.shape
        self.x = x if x.dim() == 3 else x.flatten(1, -2)
        weight = run.transposed[self.weight]
        if self.bias is None:
            product = torch.bmm(self.x, weight)
        else:
            product = torch.baddbmm(run.as_row[self.bias], self.x, weight)
        return product if x.dim() == 3 else product.unflatten(1, self.shape[1:-1])

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Pass gradients on through the transposed weights."""
        gradient = gradient if gradient.dim() == 3 else gradient.flatten(1, -2)
        run.add_gradient(self.weight, torch.bmm(gradient.transpose(1, 2), self.x))
        if self.bias is not None:
            run.add_gradient(self.bias, gradient.sum(1))
        if not self.passes_on:
            return ()
        back = torch.bmm(gradient, run.weights[self.weight])
        return (back.view(self.shape),)


class Convolution:
    """Convolutions, as one with a group of channels for each network."""

    passes_on = True

    def __init__(self, module: Any, names: Names) -> None:
        self.weight = names[id(module.weight)]
        self.bias = None if module.bias is None else names[id(module.bias)]
        self.stride, self.padding = list(module.stride), list(module.padding)
        self.dilation, self.groups = list(module.dilation), module.groups

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Convolve; (networks, rows, channels, ...) is seen as (rows, networks * channels, ...)."""
        self.n_networks = len(x)
        self.x = _channels_joined(x)
        self.flat_weight = run.weights[self.weight].flatten(0, 1)
        bias = None if self.bias is None else run.weights[self.bias].flatten(0, 1)
        self.n_channels = len(self.flat_weight)
        y: torch.Tensor = _aten.convolution(self.x, self.flat_weight, bias, *self._settings())
        return _channels_parted(y, self.n_networks)

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do what torch does for its own convolutions."""
        x, weight, bias = _aten.convolution_backward(
            _channels_joined(gradient),
            self.x,
            self.flat_weight,
            [self.n_channels],
            *self._settings(),
            [self.passes_on, True, self.bias is not None],
        )
        run.add_gradient(self.weight, weight.unflatten(0, (self.n_networks, -1)))
        if self.bias is not None:
            run.add_gradient(self.bias, bias.view(self.n_networks, -1))
        return (_channels_parted(x, self.n_networks),) if self.passes_on else ()

    def _settings(self) -> tuple[Any, ...]:
        no_output_padding = [0] * len(self.stride)
        groups = self.groups * self.n_networks
        return self.stride, self.padding, self.dilation, False, no_output_padding, groups


def _channels_joined(x: torch.Tensor) -> torch.Tensor:
    return x.transpose(0, 1).flatten(1, 2)


def _channels_parted(x: torch.Tensor, n_networks: int) -> torch.Tensor:
    parted: torch.Tensor = x.unflatten(1, (n_networks, -1))
    return parted.transpose(0, 1)


class BatchNormalization:
    """Normalisation over rows, each network by its own statistics, which are kept up to date."""

    def __init__(self, module: Any, names: Names) -> None:
        self.weight, self.bias = names[id(module.weight)], names[id(module.bias)]
        self.mean, self.var = names[id(module.running_mean)], names[id(module.running_var)]
        self.count = names[id(module.num_batches_tracked)]
        self.momentum, self.eps = module.momentum, module.eps
        self.takes_one_row = isinstance(module, BatchNorm | ImageBatchNorm)

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Normalise; the channels of all networks are those of one batch."""
        is_single = x[0, :, 0].numel() == 1
        if is_single and run.training and not self.takes_one_row:
            raise ValueError("Expected more than 1 value per channel when training.")
        self.training, self.n_networks = run.training and not is_single, len(x)
        join, part = (
            (_as_pixels, _as_rows) if x.dim() == 3 else (_channels_joined, _channels_parted)
        )
        self.join, self.part = join, part
        self.x = join(x)
        self.scale = run.weights[self.weight].flatten()
        self.running = run.buffers[self.mean].flatten(), run.buffers[self.var].flatten()
        bias = run.weights[self.bias].flatten()
        y, *self.saved = _aten.native_batch_norm(
            self.x, self.scale, bias, *self.running, self.training, self.momentum, self.eps
        )
        if self.training:
            run.buffers[self.count].add_(1)
        return self.part(y, self.n_networks)

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do what torch does for its own batch normalisation."""
        x, weight, bias = _aten.native_batch_norm_backward(
            self.join(gradient),
            self.x,
            self.scale,
            *self.running,
            *self.saved,
            self.training,
            self.eps,
            [True, True, True],
        )
        run.add_gradient(self.weight, weight.view(self.n_networks, -1))
        run.add_gradient(self.bias, bias.view(self.n_networks, -1))
        return (self.part(x, self.n_networks),)


def _as_pixels(x: torch.Tensor) -> torch.Tensor:
    # Rows take the place of pixels in a single image: torch then sums over them in an order that
    # does not depend on the number of threads.
    return x.transpose(1, 2).reshape(1, -1, x.shape[1])


def _as_rows(y: torch.Tensor, n_networks: int) -> torch.Tensor:
    return y.view(n_networks, -1, y.shape[2]).transpose(1, 2).contiguous()


class LayerNormalization:
    """Normalisation of each row."""

    def __init__(self, module: nn.LayerNorm, names: Names) -> None:
        self.weight, self.bias = names[id(module.weight)], names[id(module.bias)]
        self.shape, self.eps = list(module.normalized_shape), module.eps

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Normalise, then scale and shift as each network has it."""
        self.x = x
        self.normal, *self.saved = _aten.native_layer_norm(x, self.shape, None, None, self.eps)
        self.scale = self._along(run.weights[self.weight])
        return torch.addcmul(self._along(run.weights[self.bias]), self.normal, self.scale)

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do what torch does for its own layer normalisation."""
        axes = list(range(1, gradient.dim() - len(self.shape)))
        run.add_gradient(self.weight, (gradient * self.normal).sum(axes))
        run.add_gradient(self.bias, gradient.sum(axes))
        wanted = [True, False, False]
        return _aten.native_layer_norm_backward(  # type: ignore[no-any-return]
            gradient * self.scale, self.x, self.shape, *self.saved, None, None, wanted
        )[:1]

    def _along(self, weight: torch.Tensor) -> torch.Tensor:
        n_axes = self.x.dim() - weight.dim()
        return weight[(slice(None), *[None] * n_axes)]


class Dropout:
    """Multiplies by the masks of the pass."""

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Apply the next mask."""
        if not run.training:
            return x
        self.mask = run.masks.pop(0)
        return x * self.mask

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Apply the same mask."""
        return (gradient * self.mask,)


Derivative = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class Elementwise:
    """A function of each number, with its derivative from (gradient, input, output)."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], by: Derivative) -> None:
        self.function, self.by = function, by

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Apply the function."""
        self.x, self.y = x, self.function(x)
        return self.y

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Apply the derivative."""
        return (self.by(gradient, self.x, self.y),)


class PerRow:
    """Whatever has no weights and treats rows apart: all networks' rows are one batch."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.function = function

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Apply the function to the rows of all networks."""
        self.shape = x.shape[:2]
        self.x = x.flatten(0, 1).detach()
        with torch.set_grad_enabled(run.training):
            self.y = self.function(self.x.requires_grad_(run.training))
        y: torch.Tensor = self.y.detach().unflatten(0, self.shape)
        return y

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Let torch differentiate."""
        (x,) = torch.autograd.grad(self.y, self.x, gradient.reshape(self.y.shape))
        return (x.unflatten(0, self.shape),)


class Sum:
    """The sum of two tensors of one shape."""

    def forward(self, run: Pass, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Add."""
        if one.shape != other.shape:
            raise ValueError("Only tensors of one shape are added in a stack.")
        return one + other

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Pass the gradient on to both."""
        return gradient, gradient
