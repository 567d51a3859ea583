"""Programs of a stack: losses with gradients, and outputs, of many networks at once.

Two kinds do the same. One consists of layers that are written out; the other sends whatever the
module does through torch.func, and takes all that this can batch. Which one serves is decided by
what the module is made of, and checked against the module itself before it is used.
"""

import copy
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import torch
from skorch import NeuralNet
from torch import nn
from torch.func import vmap

from sktune.trainers.stacking.calls import Calls, Eager, Tape
from sktune.trainers.stacking.dropout import Masks, NamedShape, mask_dropout
from sktune.trainers.stacking.kinship import attributes, canonical, skeleton
from sktune.trainers.stacking.layered import Steps
from sktune.trainers.stacking.layers import Pass
from sktune.trainers.stacking.losses import LossAndGradient, Targets, loss_of, packed
from sktune.trainers.stacking.weights import Tensors


class UnstackableError(Exception):
    """A network cannot be in a stack; the message says why."""


Step = Callable[[], torch.Tensor]


class Place(NamedTuple):
    """Where a step finds a mini-batch with its masks, and where it puts the gradients.

    ``gradients`` has shape (n_networks, n_weights): those by the weights, side by side.
    """

    X: torch.Tensor
    targets: Targets
    masks: Masks
    gradients: torch.Tensor


class Program(Protocol):
    """What neighbouring networks of a stack compute, with weights and buffers of their own."""

    def step(self, place: Place) -> Step:
        """Return a function that differentiates the loss of what is in a place when it is called.

        It brings the buffers up to date and returns the losses, of shape (n_networks,).
        """

    def outputs(self, X: torch.Tensor) -> torch.Tensor:
        """Return the outputs in evaluation, of shape (n_networks, n_rows, ...)."""


Build = Callable[[Tensors, Tensors], Program]


class Template:
    """A net whose module and loss are called with other weights than its own."""

    def __init__(self, net: NeuralNet) -> None:
        self.net = object.__new__(type(net))
        vars(self.net).update(vars(net))
        self.module: nn.Module = copy.deepcopy(net.module_)
        own = {"module_": self.module, "criterion_": copy.deepcopy(net.criterion_)}
        vars(self.net).update(own, **copy.deepcopy(attributes(net)))
        self._masked = mask_dropout(self.module)
        self.trained = [n for n, p in self.module.named_parameters() if p.requires_grad]
        self.own = {n: t.detach() for n, t in self._tensors()}
        self._slots: dict[str, list[Any]] = {}
        named = {id(tensor): name for name, tensor in self._tensors()}
        for module in self.module.modules():
            for slots in (module._parameters, module._buffers):
                for attribute, tensor in slots.items():
                    if tensor is not None:
                        self._slots.setdefault(named[id(tensor)], []).append((slots, attribute))

    def _tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        yield from self.module.named_parameters()
        yield from self.module.named_buffers()

    def settings(self) -> Hashable:
        """Return all that a step could change besides weights and buffers."""
        loss = self.net.criterion_
        held = [list(loss.state_dict().values()), attributes(self.net)]
        return skeleton(self.module), skeleton(loss), canonical(held)

    def put(self, tensors: Tensors) -> None:
        """Put weights and buffers in the places of the module's own."""
        for name, tensor in tensors.items():
            for slots, attribute in self._slots[name]:
                slots[attribute] = tensor

    def loss(self, X: torch.Tensor, targets: Targets, masks: Masks | None) -> torch.Tensor:
        """Return the loss of a mini-batch with the weights that are there."""
        self._give(masks)
        self.module.train()
        outputs = self.net.infer(X)
        loss: torch.Tensor = self.net.get_loss(outputs, packed(targets), X=X, training=True)
        return loss

    def _give(self, masks: Masks | None) -> None:
        # Layers take theirs from one queue, in the order in which they are called.
        for masked in self._masked:
            masked.masks = masks

    def masks_needed(self, X: torch.Tensor, targets: Targets) -> list[NamedShape]:
        """Return the layer and the shape of each mask for a mini-batch, in order of calls."""
        self.put(self.own)
        needed: list[NamedShape] = []
        for masked in self._masked:
            masked.needed = needed
        with torch.no_grad():
            self.loss(X, targets, None)
        return needed


class TorchProgram:
    """Any module that torch.func can batch."""

    def __init__(self, template: Template, weights: Tensors, buffers: Tensors) -> None:
        self._template = template
        self._weights = {name: w.detach().requires_grad_() for name, w in weights.items()}
        self._buffers = dict(buffers)
        self._loss = vmap(self._loss_of_one, randomness="error")
        self._outputs = vmap(self._outputs_of_one, randomness="error")

    @classmethod
    def builder(cls, template: Template) -> Build:
        """Return how to make a program of the template for weights and buffers."""
        return partial(cls, template)

    def _loss_of_one(
        self, weights: Tensors, buffers: Tensors, X: torch.Tensor, targets: Targets, masks: Masks
    ) -> torch.Tensor:
        self._template.put(weights)
        self._template.put(buffers)
        return self._template.loss(X, targets, masks)

    def step(self, place: Place) -> Step:
        """Return a batched forward, differentiated by autograd."""
        return partial(self._differentiated, place)

    def _differentiated(self, place: Place) -> torch.Tensor:
        X, targets, masks, gradients = place
        with torch.enable_grad():
            losses = self._loss(self._weights, self._buffers, X, targets, list(masks))
        parts = torch.autograd.grad(losses.sum(), list(self._weights.values()))
        torch.cat([part.flatten(1) for part in parts], 1, out=gradients)
        return losses.detach()

    def _outputs_of_one(self, weights: Tensors, buffers: Tensors, X: torch.Tensor) -> torch.Tensor:
        self._template.put(weights)
        self._template.put(buffers)
        self._template.module.eval()
        outputs: torch.Tensor = self._template.net.infer(X)
        return outputs

    def outputs(self, X: torch.Tensor) -> torch.Tensor:
        """Return the batched outputs."""
        with torch.no_grad():
            outputs: torch.Tensor = self._outputs(self._weights, self._buffers, X)
        return outputs


class LayeredProgram:
    """Modules that consist of layers that are written out."""

    def __init__(
        self,
        training: Steps,
        evaluation: Steps,
        loss: LossAndGradient,
        weights: Tensors,
        buffers: Tensors,
    ) -> None:
        self._training, self._evaluation, self._loss = training, evaluation, loss
        self._weights, self._buffers = weights, buffers

    @classmethod
    def builder(cls, template: Template) -> Build:
        """Return how to make a program of the template for weights and buffers.

        Raises
        ------
        UnknownStepError
            If the module does anything else.
        """
        evaluation = Steps(template.module, training=False)
        training = Steps(template.module, training=True)
        return partial(cls, training, evaluation, loss_of(template.net))

    def step(self, place: Place) -> Step:
        """Return a forward and a backward pass, recorded when they are made first."""
        compute = partial(self._differentiated, place)
        return _Recorded(compute) if self._training.is_recorded else partial(compute, Eager())

    @torch.no_grad()
    def _differentiated(self, place: Place, calls: Calls) -> torch.Tensor:
        run = Pass(calls, self._weights, self._buffers, True, place.masks)
        outputs = self._training.forward(run, place.X)
        losses, gradient = self._loss(calls, outputs, place.targets)
        self._training.backward(run, gradient)
        parts = [run.gradients[name].flatten(1) for name in self._weights]
        calls.change(partial(torch.cat, out=place.gradients), parts, 1)
        return losses

    def outputs(self, X: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a forward pass."""
        with torch.no_grad():
            run = Pass(Eager(), self._weights, self._buffers, False, [])
            return self._evaluation.forward(run, X)


class _Recorded:
    """What is computed on a tape, and when called again by playing it."""

    def __init__(self, compute: Callable[[Tape], torch.Tensor]) -> None:
        self._compute, self._tape = compute, Tape()
        self._found: torch.Tensor | None = None

    def __call__(self) -> torch.Tensor:
        if self._found is None:
            self._found = self._compute(self._tape)
        else:
            self._tape.play()
        return self._found


_KINDS: Sequence[type[LayeredProgram] | type[TorchProgram]] = (LayeredProgram, TorchProgram)


def program_for(
    template: Template, X: torch.Tensor, targets: Targets, shapes: Sequence[torch.Size]
) -> Build:
    """Return how to make programs that do what the template does, as far as a mini-batch can tell.

    Raises
    ------
    UnstackableError
        If there is none.
    """
    reference = _Reference(template, X, targets, shapes)
    reason = ""
    for kind in _KINDS:
        try:
            build = kind.builder(template)
            reason = reference.difference(build)
        except Exception as error:  # whatever torch says of what it cannot batch
            reason = f"its module cannot be batched ({_first_line(error)})"
        if not reason:
            return build
    raise UnstackableError(reason)


class _Reference:
    """Loss, gradients and outputs of a template alone, which a stack must have too."""

    def __init__(
        self, template: Template, X: torch.Tensor, targets: Targets, shapes: Sequence[torch.Size]
    ) -> None:
        self._template = template
        generator = torch.Generator().manual_seed(0)
        self._masks = [torch.rand(shape, generator=generator).to(X) for shape in shapes]
        self._X, self._targets = X, targets
        self._weights = {n: template.own[n].clone().requires_grad_() for n in template.trained}
        self._buffers = {
            name: tensor.clone()
            for name, tensor in template.own.items()
            if name not in template.trained
        }
        try:
            self._alone = self._evaluated()
        except UnstackableError:
            raise
        except Exception as error:
            raise UnstackableError(f"its module raises ({_first_line(error)})") from error

    def _evaluated(self) -> list[torch.Tensor]:
        template = self._template
        template.put(self._weights)
        template.put({name: buffer.clone() for name, buffer in self._buffers.items()})
        drawn, before = _generators(), template.settings()
        loss = template.loss(self._X, self._targets, list(self._masks))
        gradients = torch.autograd.grad(loss, list(self._weights.values()), allow_unused=True)
        outputs = self._outputs_alone()
        if not all(map(torch.equal, drawn, _generators())):
            raise UnstackableError("its forward draws random numbers")
        if before != template.settings():
            raise UnstackableError("its step changes attributes of the module, the loss or the net")
        if any(gradient is None for gradient in gradients):
            raise UnstackableError("some of its weights have no part in the loss")
        return [loss.detach(), outputs, *gradients]

    def _outputs_alone(self) -> torch.Tensor:
        self._template.put({n: t.clone() for n, t in self._buffers.items()})
        self._template.module.eval()
        with torch.no_grad():
            outputs = self._template.net.infer(self._X)
        if not isinstance(outputs, torch.Tensor):
            raise UnstackableError("its module returns more than one tensor")
        return outputs

    def difference(self, build: Build) -> str:
        """Return in words how a program differs, for a stack of two; nothing if it does not.

        The second network is given the same rows in the opposite order, which no mean can tell.
        """
        weights = {n: torch.stack([w, w]).detach() for n, w in self._weights.items()}
        buffers = {n: torch.stack([b, b]) for n, b in self._buffers.items()}
        losses, gradients = self._second_step(build, weights, buffers)
        outputs = build(weights, buffers).outputs(_mirrored(self._X))
        stacked = [losses, outputs, *gradients]
        outputs[1] = outputs[1].flip(0)
        for alone, both in zip(self._alone, stacked, strict=True):
            if both.shape[1:] != alone.shape or not _agree(alone, both):
                return "a stack of its module does not do what the module does alone"
        return ""

    def _second_step(
        self, build: Build, weights: Tensors, buffers: Tensors
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return losses and gradients of a program that has stepped on other numbers before."""
        given = [_mirrored(part) for part in (self._X, *self._targets, *self._masks)]
        held = [part.flip(1) for part in given]
        shrunk = {name: weight / 2 for name, weight in weights.items()}
        sizes = [weight[0].numel() for weight in weights.values()]
        gradients = self._X.new_empty((2, sum(sizes)), dtype=next(iter(weights.values())).dtype)
        first_mask = 1 + len(self._targets)
        place = Place(held[0], tuple(held[1:first_mask]), held[first_mask:], gradients)
        program = build(shrunk, {name: buffer.clone() for name, buffer in buffers.items()})
        step = program.step(place)
        step()
        for old, new in zip([*held, *shrunk.values()], [*given, *weights.values()], strict=True):
            old.copy_(new)
        parts = zip(gradients.split(sizes, 1), weights.values(), strict=True)
        return step(), [part.view_as(weight) for part, weight in parts]


def _generators() -> list[torch.Tensor]:
    """Return where torch's generators stand."""
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return [torch.get_rng_state(), *on_gpus]


def _mirrored(tensor: torch.Tensor) -> torch.Tensor:
    return torch.stack([tensor, tensor.flip(0)])


def _agree(alone: torch.Tensor, both: torch.Tensor) -> bool:
    scale = float(alone.abs().max()) if alone.numel() else 0.0
    return torch.allclose(both, alone.expand_as(both), 1e-3, 1e-4 * scale + 1e-6, equal_nan=True)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
