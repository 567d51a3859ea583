"""Programs from layers that are written out: for modules that consist of nothing else.

torch.fx shows what a module's forward does. If every step of it is known, the steps are run over
the whole stack, forward and then backward.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from sktune.nets.module import BatchNorm, ImageBatchNorm
from sktune.trainers.stacking.dropout import MaskedDropout
from sktune.trainers.stacking.layers import (
    BatchNormalization,
    Convolution,
    Dropout,
    Elementwise,
    Layer,
    LayerNormalization,
    Linear,
    Names,
    Pass,
    PerRow,
    Sum,
)
from sktune.trainers.stacking.weights import canonical_names

_aten: Any = torch.ops.aten


class UnknownStepError(Exception):
    """The module does something that is not written out."""


def _relu(_: Any) -> Layer:
    # torch.relu cannot be told where to put its result.
    positive = partial(torch.clamp_min, min=0)
    return Elementwise(positive, _aten.threshold_backward, lambda x, y: (y, 0))


def _tanh(_: Any) -> Layer:
    return Elementwise(torch.tanh, _aten.tanh_backward, lambda x, y: (y,))


def _sigmoid(_: Any) -> Layer:
    return Elementwise(torch.sigmoid, _aten.sigmoid_backward, lambda x, y: (y,))


def _silu(_: Any) -> Layer:
    return Elementwise(_aten.silu, _aten.silu_backward, lambda x, y: (x,))


def _gelu(module: Any) -> Layer:
    kind = {"approximate": getattr(module, "approximate", "none")}
    by = partial(_aten.gelu_backward, **kind)
    return Elementwise(partial(_aten.gelu, **kind), by, lambda x, y: (x,))


def _elu(module: Any) -> Layer:
    alpha = module.alpha
    elu = partial(_aten.elu, alpha=alpha)
    return Elementwise(elu, _aten.elu_backward, lambda x, y: (alpha, 1, 1, False, x))


def _leaky_relu(module: Any) -> Layer:
    slope = module.negative_slope
    leaky = partial(_aten.leaky_relu, negative_slope=slope)
    return Elementwise(leaky, _aten.leaky_relu_backward, lambda x, y: (x, slope, False))


_ACTIVATIONS: dict[type[nn.Module], Callable[[Any], Layer]] = {
    nn.ReLU: _relu,
    nn.Tanh: _tanh,
    nn.Sigmoid: _sigmoid,
    nn.SiLU: _silu,
    nn.GELU: _gelu,
    nn.ELU: _elu,
    nn.LeakyReLU: _leaky_relu,
}
_PER_ROW = (
    *(nn.Flatten, nn.Unflatten, nn.Softplus, nn.Hardtanh, nn.ReLU6, nn.SELU, nn.CELU, nn.Mish),
    *(nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d),
    *(nn.ZeroPad1d, nn.ZeroPad2d, nn.Softmax, nn.LogSoftmax),
)
_NORMALIZATIONS = (BatchNorm, ImageBatchNorm, nn.BatchNorm1d, nn.BatchNorm2d)
_LEAVES = (BatchNorm, ImageBatchNorm, MaskedDropout)
_FUNCTIONS: dict[Any, Callable[[Any], Layer]] = {
    torch.relu: _relu,
    functional.relu: _relu,
    torch.tanh: _tanh,
    functional.tanh: _tanh,
    torch.sigmoid: _sigmoid,
    functional.sigmoid: _sigmoid,
    functional.silu: _silu,
    "relu": _relu,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
}


def _layer(module: Any, names: Names) -> Layer | None:
    """Return the layer over a stack; None is the identity."""
    kind = type(module)
    if kind is nn.Linear:
        return Linear(module, names)
    if kind in (nn.Conv1d, nn.Conv2d) and _is_plain_convolution(module):
        return Convolution(module, names)
    if kind in _NORMALIZATIONS and _is_plain_normalization(module):
        return BatchNormalization(module, names)
    if kind is nn.LayerNorm and module.weight is not None and module.bias is not None:
        return LayerNormalization(module, names)
    if kind in _ACTIVATIONS:
        return _ACTIVATIONS[kind](module)
    if kind in _PER_ROW and _keeps_rows_apart(module):
        return PerRow(module)
    if kind is MaskedDropout:
        return Dropout()
    if kind is nn.Identity:
        return None
    raise UnknownStepError(kind.__name__)


def _is_plain_convolution(module: Any) -> bool:
    return module.padding_mode == "zeros" and not isinstance(module.padding, str)


def _is_plain_normalization(module: Any) -> bool:
    return module.track_running_stats and module.affine and module.momentum is not None


def _keeps_rows_apart(module: Any) -> bool:
    first = getattr(module, "start_dim", getattr(module, "dim", 1))
    return first is not None and first != 0


class _Tracer(fx.Tracer):
    def __init__(self) -> None:
        # What is wrapped by default, Python's math, is not among the steps anyway.
        super().__init__(autowrap_modules=())  # type: ignore[arg-type]

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        """Whether a module is a step of the program."""
        return isinstance(module, _LEAVES) or super().is_leaf_module(module, qualified_name)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Refuse forwards that use weights or buffers themselves, and may branch on them."""
        if isinstance(attr_val, torch.Tensor):
            raise UnknownStepError(f"its forward uses {attr}")
        return super().getattr(attr, attr_val, parameter_proxy_cache)


@dataclass(frozen=True)
class _Step:
    layer: Layer
    output: str
    inputs: tuple[str, ...]
    is_trained: bool  # whether gradients by the output lead to a weight


class Steps:
    """The forward of a module, in training or in evaluation, as steps over a stack.

    Raises
    ------
    UnknownStepError
        If the module does something that is not written out.
    """

    def __init__(self, module: nn.Module, training: bool) -> None:
        module.train(training)
        try:
            graph = _Tracer().trace(module)
        except Exception as error:  # whatever a forward does when it is given no numbers
            raise UnknownStepError(str(error)) from error
        self._module, self._names = module, canonical_names(module)
        self._places: dict[fx.Node, str] = {}
        self._trained: set[str] = set()
        self.steps: list[_Step] = []
        for node in graph.nodes:
            self._add(node)

    def _add(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            if self._places:
                raise UnknownStepError("several inputs")
            self._places[node] = self.input = node.name
        elif node.op == "output":
            if not isinstance(node.args[0], fx.Node):
                raise UnknownStepError("several outputs")
            self.output = self._places[node.args[0]]
        else:
            self._add_step(node, self._layer_of(node))

    def _add_step(self, node: fx.Node, layer: Layer | None) -> None:
        if node.kwargs or not all(isinstance(arg, fx.Node) for arg in node.args):
            raise UnknownStepError(f"arguments of {node.name}")
        inputs = tuple(self._places[arg] for arg in node.args if isinstance(arg, fx.Node))
        if layer is None:
            self._places[node] = inputs[0]
            return
        passes_on = not self._trained.isdisjoint(inputs)
        has_weights = isinstance(layer, _WITH_WEIGHTS)
        if isinstance(layer, (Linear, Convolution)):
            layer.passes_on = passes_on
        self._places[node] = node.name
        if passes_on or has_weights:
            self._trained.add(node.name)
        self.steps.append(_Step(layer, node.name, inputs, passes_on or has_weights))

    def _layer_of(self, node: fx.Node) -> Layer | None:
        if node.op == "call_module":
            return _layer(self._module.get_submodule(str(node.target)), self._names)
        if node.target in (operator.add, torch.add):
            return Sum()
        if node.target in _FUNCTIONS:
            return _FUNCTIONS[node.target](None)
        raise UnknownStepError(str(node.target))

    @property
    def is_recorded(self) -> bool:
        """Whether the calls of a step are worth recording.

        Convolutions cannot be told where to put their results: to copy these takes longer than
        to make the calls anew.
        """
        return not any(isinstance(step.layer, Convolution) for step in self.steps)

    def forward(self, run: Pass, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of all networks."""
        values = {self.input: x}
        for step in self.steps:
            values[step.output] = step.layer.forward(run, *(values[i] for i in step.inputs))
        return values[self.output]

    def backward(self, run: Pass, gradient: torch.Tensor) -> None:
        """Put the gradients by the weights into the pass."""
        gradients = {self.output: gradient}
        for step in reversed(self.steps):
            if not step.is_trained or step.output not in gradients:
                continue
            back: Sequence[torch.Tensor] = step.layer.backward(run, gradients.pop(step.output))
            for name, part in zip(step.inputs, back, strict=False):
                known = gradients.get(name)
                gradients[name] = part if known is None else run.new(torch.add, known, part)


_WITH_WEIGHTS = (Linear, Convolution, BatchNormalization, LayerNormalization)
