"""The program of a stack: losses with gradients, and outputs, of many networks at once.

torch.func batches and differentiates what the module and the loss of one network do.
"""

import copy
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn
from torch.func import grad_and_value, vmap

from sktune.stacking.batches import Targets
from sktune.stacking.dropout import Masks, NamedShape, mask_dropout
from sktune.stacking.rewrites import rewritten
from sktune.stacking.structure import canonical, module_structure
from sktune.stacking.weights import StackedWeights, Tensors, tensors_of

Step = Callable[[], None]


class StepMemory(NamedTuple):
    """Where a step finds a mini-batch with its masks, and where it puts what it computes.

    ``gradients`` has shape (n_networks, n_weights): those by the weights, side by side. ``losses``
    has shape (n_networks,).
    """

    X: torch.Tensor
    targets: Targets
    masks: Masks
    gradients: torch.Tensor
    losses: torch.Tensor


class Net(Protocol):
    """What a step asks of a net: skorch's has it all."""

    module_: Any
    criterion_: Any

    def infer(self, x: torch.Tensor) -> Any:
        """Return the outputs of the module."""

    def get_loss(self, y_pred: Any, y_true: Any, X: Any, training: bool) -> torch.Tensor:
        """Return the loss of a mini-batch."""


class Template:
    """A net whose module and loss are called with other weights than its own.

    Parameters
    ----------
    net : Net
        The net, which is left as it is.
    attributes : callable
        Returns the attributes of the net that its own code may read in a step, by name.
    runs_users_code : bool, default=False
        Whether a step calls code that may do something else at another epoch.
    """

    def __init__(
        self,
        net: Net,
        attributes: Callable[[Any], dict[str, Any]],
        runs_users_code: bool = False,
    ) -> None:
        self._attributes, self.runs_users_code = attributes, runs_users_code
        self.net: Net = object.__new__(type(net))
        vars(self.net).update(vars(net))
        self.module: nn.Module = copy.deepcopy(net.module_)
        own = {"module_": self.module, "criterion_": copy.deepcopy(net.criterion_)}
        vars(self.net).update(own, **copy.deepcopy(attributes(net)))
        self._masked = mask_dropout(self.module)
        self.trained = [n for n, p in self.module.named_parameters() if p.requires_grad]
        self.own = {name: tensor.detach() for name, tensor in tensors_of(self.module)}
        self._needed: dict[int, list[NamedShape]] = {}
        self._slots: dict[str, list[Any]] = {}
        named = {id(tensor): name for name, tensor in tensors_of(self.module)}
        for module in self.module.modules():
            for slots in (module._parameters, module._buffers):
                for attribute, tensor in slots.items():
                    if tensor is not None:
                        self._slots.setdefault(named[id(tensor)], []).append((slots, attribute))

    def settings(self) -> Hashable:
        """Return all that a step could change besides weights and buffers."""
        loss = self.net.criterion_
        held = [list(loss.state_dict().values()), self._attributes(self.net)]
        return module_structure(self.module), module_structure(loss), canonical(held)

    def put(self, tensors: Tensors) -> None:
        """Put weights and buffers in the places of the module's own."""
        for name, tensor in tensors.items():
            for slots, attribute in self._slots[name]:
                slots[attribute] = tensor

    def holds(self, tensors: Tensors) -> bool:
        """Whether the module still has these weights and buffers."""
        return all(
            slots[attribute] is tensor
            for name, tensor in tensors.items()
            for slots, attribute in self._slots[name]
        )

    def loss(self, X: torch.Tensor, targets: Targets, masks: Masks | None) -> torch.Tensor:
        """Return the loss of a mini-batch with the weights that are there."""
        # Layers take their masks from one queue, in the order in which they are called.
        queue = None if masks is None else list(masks)
        for masked in self._masked:
            masked.masks = queue
        self.module.train()
        outputs = self.net.infer(X)
        y = targets[0] if len(targets) == 1 else targets
        loss: torch.Tensor = self.net.get_loss(outputs, y, X=X, training=True)
        return loss

    def outputs(self, X: torch.Tensor) -> torch.Tensor:
        """Return the outputs in evaluation with the weights that are there."""
        self.module.eval()
        outputs: torch.Tensor = self.net.infer(X)
        return outputs

    def masks_needed(self, X: torch.Tensor, targets: Targets) -> list[NamedShape]:
        """Return the layer and the shape of each mask for a mini-batch, in order of calls."""
        if len(X) not in self._needed:
            self.put(self.own)
            needed: list[NamedShape] = []
            for masked in self._masked:
                masked.needed = needed
            with torch.no_grad():
                self.loss(X, targets, None)
            self._needed[len(X)] = needed
        return self._needed[len(X)]


class Program:
    """What neighbouring networks of a stack compute, with weights and buffers of their own.

    Parameters
    ----------
    template : Template
        The module and the loss that they have in common.
    weights, buffers : mapping of str to Tensor
        Those of the networks by name, of shape (n_networks, ...). Steps bring the buffers up to
        date.
    """

    def __init__(self, template: Template, weights: Tensors, buffers: Tensors) -> None:
        self._template = template
        self._weights, self._buffers = dict(weights), dict(buffers)
        self._differentiate = vmap(grad_and_value(self._loss_of_one), randomness="error")
        self._evaluate = vmap(self._outputs_of_one, randomness="error")

    def _loss_of_one(
        self, weights: Tensors, buffers: Tensors, X: torch.Tensor, targets: Targets, masks: Masks
    ) -> torch.Tensor:
        self._template.put(weights)
        self._template.put(buffers)
        return self._template.loss(X, targets, masks)

    def _outputs_of_one(self, weights: Tensors, buffers: Tensors, X: torch.Tensor) -> torch.Tensor:
        self._template.put(weights)
        self._template.put(buffers)
        return self._template.outputs(X)

    def step(self, memory: StepMemory) -> Step:
        """Return a step that differentiates the losses of what is then in some memory."""
        return partial(self._step, memory)

    def _step(self, memory: StepMemory) -> None:
        X, targets, masks, into, losses = memory
        with rewritten():
            gradients: Mapping[str, torch.Tensor]
            gradients, found = self._differentiate(
                self._weights, self._buffers, X, targets, list(masks)
            )
        torch.cat([gradients[name].flatten(1) for name in self._weights], 1, out=into)
        losses.copy_(found)

    def outputs(self, X: torch.Tensor) -> torch.Tensor:
        """Return the outputs in evaluation, of shape (n_networks, n_rows, ...)."""
        with torch.no_grad(), rewritten():
            outputs: torch.Tensor = self._evaluate(self._weights, self._buffers, X)
        return outputs


class Programs:
    """The programs of a stack, one for each group of neighbouring networks."""

    def __init__(self, template: Template, weights: StackedWeights) -> None:
        self.template, self._weights = template, weights
        self.device = weights.flat.device
        self._known: dict[tuple[int, int], Program] = {}

    def of(self, networks: slice) -> Program:
        """Return the program of some neighbours."""
        key = networks.start, networks.stop
        if key not in self._known:
            self._known[key] = Program(
                self.template,
                {name: weight[networks] for name, weight in self._weights.weights.items()},
                {name: buffer[networks] for name, buffer in self._weights.buffers.items()},
            )
        return self._known[key]
