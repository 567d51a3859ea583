"""Layers over a stack: each with its forward and its backward pass, written out.

Tensors have the networks as their first axis and the rows of a mini-batch as their second. Going
through torch.func and autograd instead costs three times as much for small networks.
"""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, Protocol

import torch
from torch import nn

from sktune.nets.module import BatchNorm, ImageBatchNorm
from sktune.trainers.stacking.calls import Calls
from sktune.trainers.stacking.dropout import Masks
from sktune.trainers.stacking.weights import Tensors

_aten: Any = torch.ops.aten
# What torch calls the outputs of an operator that has three.
_THREE = ("out0", "out1", "out2")
Names = dict[int, str]


class Pass:
    """Forward and backward passes through neighbouring networks of a stack.

    ``masks`` are those of the dropout layers in the order of their calls. The list is looked into
    at each call, so that other masks can be put there before the calls are made again.
    """

    def __init__(
        self, calls: Calls, weights: Tensors, buffers: Tensors, training: bool, masks: Masks
    ) -> None:
        self.new, self.again = calls.new, calls.again
        self.change, self.dense = calls.change, calls.dense
        self.weights, self.buffers = weights, buffers
        self.training, self.masks = training, masks
        self.gradients: dict[str, torch.Tensor] = {}
        self.mask_numbers = count()

    def add_gradient(self, name: str, gradient: torch.Tensor) -> None:
        """Add to the gradient of a parameter, which may be used more than once."""
        known = self.gradients.get(name)
        self.gradients[name] = gradient if known is None else self.new(torch.add, known, gradient)


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
        self.shape, self.x = x.shape, _as_rows(run, x)
        weight = run.weights[self.weight].transpose(1, 2)
        product: torch.Tensor
        if self.bias is None:
            product = run.new(torch.bmm, self.x, weight)
        else:
            bias = run.weights[self.bias].unsqueeze(1)
            product = run.new(torch.baddbmm, bias, self.x, weight)
        return product if x.dim() == 3 else product.unflatten(1, self.shape[1:-1])

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Pass gradients on through the transposed weights."""
        gradient = _as_rows(run, gradient)
        run.add_gradient(self.weight, run.new(torch.bmm, gradient.transpose(1, 2), self.x))
        if self.bias is not None:
            run.add_gradient(self.bias, run.new(torch.sum, gradient, 1))
        if not self.passes_on:
            return ()
        back = run.new(torch.bmm, gradient, run.weights[self.weight])
        return (back.view(self.shape),)


def _as_rows(run: Pass, x: torch.Tensor) -> torch.Tensor:
    return x if x.dim() == 3 else run.dense(x, (len(x), -1, x.shape[-1]))


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
        self.x = _channels_joined(run, x)
        weight = run.weights[self.weight]
        self.flat_weight = run.dense(weight, (-1, *weight.shape[2:]))
        bias = None if self.bias is None else run.dense(run.weights[self.bias], (-1,))
        self.n_channels = len(self.flat_weight)
        y = run.new(_aten.convolution, self.x, self.flat_weight, bias, *self._settings())
        return _channels_parted(run, y, self.n_networks)

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do what torch does for its own convolutions."""
        x, weight, bias = run.again(
            _aten.convolution_backward,
            _channels_joined(run, gradient),
            self.x,
            self.flat_weight,
            [self.n_channels],
            *self._settings(),
            [self.passes_on, True, self.bias is not None],
        )
        run.add_gradient(self.weight, weight.unflatten(0, (self.n_networks, -1)))
        if self.bias is not None:
            run.add_gradient(self.bias, bias.view(self.n_networks, -1))
        return (_channels_parted(run, x, self.n_networks),) if self.passes_on else ()

    def _settings(self) -> tuple[Any, ...]:
        no_output_padding = [0] * len(self.stride)
        groups = self.groups * self.n_networks
        return self.stride, self.padding, self.dilation, False, no_output_padding, groups


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
        self.join = _as_pixels if x.dim() == 3 else _channels_joined
        self.part = _from_pixels if x.dim() == 3 else _channels_parted
        self.x = self.join(run, x)
        self.scale = run.dense(run.weights[self.weight], (-1,))
        self.running = run.buffers[self.mean].view(-1), run.buffers[self.var].view(-1)
        bias = run.dense(run.weights[self.bias], (-1,))
        settings = self.training, self.momentum, self.eps
        y, *self.saved = run.new(
            _aten.native_batch_norm,
            *(self.x, self.scale, bias, *self.running, *settings),
            out=("out", "save_mean", "save_invstd"),
        )
        if self.training:
            run.change(run.buffers[self.count].add_, 1)
        return self.part(run, y, self.n_networks)

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do what torch does for its own batch normalisation."""
        x, weight, bias = run.new(
            _aten.native_batch_norm_backward,
            self.join(run, gradient),
            self.x,
            self.scale,
            *self.running,
            *self.saved,
            self.training,
            self.eps,
            [True, True, True],
            out=_THREE,
        )
        run.add_gradient(self.weight, weight.view(self.n_networks, -1))
        run.add_gradient(self.bias, bias.view(self.n_networks, -1))
        return (self.part(run, x, self.n_networks),)


def _channels_joined(run: Pass, x: torch.Tensor) -> torch.Tensor:
    return run.dense(x.transpose(0, 1), (x.shape[1], -1, *x.shape[3:]))


def _channels_parted(run: Pass, x: torch.Tensor, n_networks: int) -> torch.Tensor:
    parted: torch.Tensor = x.unflatten(1, (n_networks, -1))
    return parted.transpose(0, 1)


def _as_pixels(run: Pass, x: torch.Tensor) -> torch.Tensor:
    # Rows take the place of pixels in a single image: torch then sums over them in an order that
    # does not depend on the number of threads.
    return run.dense(x.transpose(1, 2), (1, -1, x.shape[1]))


def _from_pixels(run: Pass, y: torch.Tensor, n_networks: int) -> torch.Tensor:
    x = y.view(n_networks, -1, y.shape[2]).transpose(1, 2)
    return run.dense(x, x.shape)


class LayerNormalization:
    """Normalisation of each row."""

    def __init__(self, module: nn.LayerNorm, names: Names) -> None:
        self.weight, self.bias = names[id(module.weight)], names[id(module.bias)]
        self.shape, self.eps = list(module.normalized_shape), module.eps

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Normalise, then scale and shift as each network has it."""
        self.x = x
        self.normal, *self.saved = run.new(
            _aten.native_layer_norm, x, self.shape, None, None, self.eps, out=_THREE
        )
        self.scale = self._along(run.weights[self.weight])
        bias = self._along(run.weights[self.bias])
        y: torch.Tensor = run.new(torch.addcmul, bias, self.normal, self.scale)
        return y

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do what torch does for its own layer normalisation."""
        axes = list(range(1, gradient.dim() - len(self.shape)))
        by_scale = run.new(torch.mul, gradient, self.normal)
        run.add_gradient(self.weight, run.new(torch.sum, by_scale, axes))
        run.add_gradient(self.bias, run.new(torch.sum, gradient, axes))
        x: torch.Tensor = run.again(
            self._by_input, run.new(torch.mul, gradient, self.scale), self.x, *self.saved
        )
        return (x,)

    def _by_input(self, gradient: torch.Tensor, x: torch.Tensor, *saved: Any) -> torch.Tensor:
        wanted = [True, False, False]
        found: torch.Tensor = _aten.native_layer_norm_backward(
            gradient, x, self.shape, *saved, None, None, wanted
        )[0]
        return found

    def _along(self, weight: torch.Tensor) -> torch.Tensor:
        n_axes = self.x.dim() - weight.dim()
        return weight[(slice(None), *[None] * n_axes)]


class Dropout:
    """Multiplies by the masks of the pass."""

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Apply the next mask."""
        if not run.training:
            return x
        self.masked = partial(_masked, run.masks, next(run.mask_numbers))
        y: torch.Tensor = run.new(self.masked, x)
        return y

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Apply the same mask."""
        return (run.new(self.masked, gradient),)


def _masked(masks: Masks, number: int, x: torch.Tensor, **out: torch.Tensor) -> torch.Tensor:
    return torch.mul(x, masks[number], **out)


class Elementwise:
    """A function of each number, with its derivative.

    The derivative takes the gradient by the output and what ``needed`` returns of input and output.
    """

    def __init__(
        self,
        function: Callable[..., torch.Tensor],
        derivative: Callable[..., torch.Tensor],
        needed: Callable[[torch.Tensor, torch.Tensor], tuple[Any, ...]],
    ) -> None:
        self.function, self.derivative, self.needed = function, derivative, needed

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Apply the function."""
        y: torch.Tensor = run.new(self.function, x)
        self.known = self.needed(x, y)
        return y

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Apply the derivative."""
        return (run.new(self.derivative, gradient, *self.known, out=("grad_input",)),)


class PerRow:
    """Whatever has no weights and treats rows apart: all networks' rows are one batch."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.function = function

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Apply the function to the rows of all networks."""
        self.shape = x.shape[:2]
        rows = run.dense(x, (-1, *x.shape[2:]))
        self.graph = _Graph(self.function, rows, run.training)
        y: torch.Tensor = run.again(self.graph.forward).unflatten(0, self.shape)
        return y

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Let torch differentiate."""
        rows = run.dense(gradient, (-1, *gradient.shape[2:]))
        x: torch.Tensor = run.again(self.graph.backward, rows)
        return (x.unflatten(0, self.shape),)


class _Graph:
    """A function of a tensor that autograd differentiates."""

    def __init__(
        self, function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, training: bool
    ) -> None:
        self.function = function
        self.x = x.detach().requires_grad_(training)

    def forward(self) -> torch.Tensor:
        """Return the function's values for what is in the tensor now."""
        with torch.set_grad_enabled(self.x.requires_grad):
            self.y = self.function(self.x)
        y: torch.Tensor = self.y.detach()
        return y

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """Return the gradient by the tensor."""
        by_x: torch.Tensor = torch.autograd.grad(self.y, self.x, gradient)[0]
        return by_x


class Sum:
    """The sum of two tensors of one shape."""

    def forward(self, run: Pass, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Add."""
        if one.shape != other.shape:
            raise ValueError("Only tensors of one shape are added in a stack.")
        total: torch.Tensor = run.new(torch.add, one, other)
        return total

    def backward(self, run: Pass, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Pass the gradient on to both."""
        return gradient, gradient
