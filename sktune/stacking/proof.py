"""Whether a stack's program does what the module does alone, tried on a mini-batch beforehand."""

import pickle
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from sktune.stacking.batches import Targets
from sktune.stacking.programs import Program, StepMemory, Template
from sktune.stacking.recording import RecordedStep
from sktune.stacking.weights import Tensors


class UnstackableError(Exception):
    """A network cannot be in a stack; the message says why."""


def reason_against(template: Template, X: torch.Tensor, targets: Targets) -> str:
    """Return why a stack does not do what a network does alone, "" if it does.

    Parameters
    ----------
    template : Template
        A network of the stack.
    X, targets : Tensor, tuple of Tensor
        A mini-batch of the network.
    """
    try:
        alone = _Alone(template, X, targets)
    except UnstackableError as error:
        return str(error)
    except Exception as error:
        return f"its module raises ({_first_line(error)})"
    try:
        is_same = alone.equals_stack()
    except Exception as error:  # whatever torch says of what it cannot batch
        return f"its module cannot be batched ({_first_line(error)})"
    return "" if is_same else "a stack of its module does not do what the module does alone"


class _Alone:
    """Loss, gradients, buffers and outputs of a template alone, which a stack must have too."""

    def __init__(self, template: Template, X: torch.Tensor, targets: Targets) -> None:
        self._template, self._batch = template, (X, *targets)
        generator, needed = torch.Generator().manual_seed(0), template.masks_needed(X, targets)
        self._masks = [torch.rand(shape, generator=generator).to(X) for _, shape in needed]
        self._weights = {n: template.own[n].clone().requires_grad_() for n in template.trained}
        self._buffers = {
            name: tensor.clone()
            for name, tensor in template.own.items()
            if name not in template.trained
        }
        self._found = self._evaluated()

    def _evaluated(self) -> list[torch.Tensor]:
        template, (X, *targets) = self._template, self._batch
        held = {**self._weights, **{name: b.clone() for name, b in self._buffers.items()}}
        template.put(held)
        drawn, before = _generators(), template.settings()
        loss = template.loss(X, tuple(targets), self._masks)
        gradients = torch.autograd.grad(loss, list(self._weights.values()), allow_unused=True)
        if not template.holds(held):
            raise UnstackableError("its step replaces weights or buffers of the module")
        outputs = self._outputs_alone()
        if drawn != _generators():
            raise UnstackableError("its forward draws random numbers")
        if before != template.settings():
            raise UnstackableError("its step changes attributes of the module, the loss or the net")
        if any(gradient is None for gradient in gradients):
            raise UnstackableError("some of its weights have no part in the loss")
        buffers = [held[name] for name in self._buffers]
        weights = [weight.detach() for weight in self._weights.values()]
        return [loss.detach(), *gradients, *weights, *buffers, outputs]

    def _outputs_alone(self) -> torch.Tensor:
        self._template.put({n: t.clone() for n, t in self._buffers.items()})
        with torch.no_grad():
            outputs = self._template.outputs(self._batch[0])
        if not isinstance(outputs, torch.Tensor):
            raise UnstackableError("its module returns more than one tensor")
        return outputs

    def equals_stack(self) -> bool:
        """Whether a stack of two does the same.

        The second network is given the same rows in the opposite order, which no mean can tell.
        """
        weights = {n: torch.stack([w, w]).detach() for n, w in self._weights.items()}
        stepped, before = (
            {n: torch.stack([b, b]) for n, b in self._buffers.items()} for _ in range(2)
        )
        made = self._second_step(weights, stepped)
        outputs = Program(self._template, weights, before).outputs(_mirrored(self._batch[0]))
        outputs[1] = outputs[1].flip(0)
        stacked = [*made, *weights.values(), *stepped.values(), outputs]
        return all(
            both.shape[1:] == alone.shape and _agree(alone, both)
            for alone, both in zip(self._found, stacked, strict=True)
        )

    def _second_step(self, weights: Tensors, buffers: Tensors) -> list[torch.Tensor]:
        """Return losses and gradients of a program that has stepped on other numbers before."""
        given = [_mirrored(part) for part in (*self._batch, *self._masks)]
        held = [part.flip(1) for part in given]
        other_weights = {name: weight / 2 for name, weight in weights.items()}
        other_buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        X, *rest = held
        n_targets, first = len(self._batch) - 1, next(iter(weights.values()))
        sizes = [weight[0].numel() for weight in weights.values()]
        memory = StepMemory(
            X,
            tuple(rest[:n_targets]),
            rest[n_targets:],
            first.new_empty((2, sum(sizes))),
            first.new_empty(2),
        )
        program = Program(self._template, other_weights, other_buffers)
        step = RecordedStep(program.step(memory))
        step()
        own = [*weights.values(), *buffers.values()]
        others = [*other_weights.values(), *other_buffers.values()]
        _copy([*given, *own], [*held, *others])
        step()
        # A forward may bring buffers up to date, and keep weights within bounds.
        _copy(others, own)
        parts = zip(memory.gradients.split(sizes, 1), weights.values(), strict=True)
        return [memory.losses, *(part.view_as(weight) for part, weight in parts)]


def _copy(tensors: Iterable[torch.Tensor], places: Iterable[torch.Tensor]) -> None:
    for numbers, place in zip(tensors, places, strict=True):
        place.copy_(numbers)


def _generators() -> list[Any]:
    """Return where the generators of torch, NumPy and Python stand."""
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    torchs = [state.numpy().tobytes() for state in (torch.get_rng_state(), *on_gpus)]
    return [torchs, pickle.dumps(np.random.get_state()), random.getstate()]


def _mirrored(tensor: torch.Tensor) -> torch.Tensor:
    return torch.stack([tensor, tensor.flip(0)])


def _agree(alone: torch.Tensor, both: torch.Tensor) -> bool:
    if not alone.is_floating_point():
        return bool((both == alone).all())
    scale = float(alone.abs().max()) if alone.numel() else 0.0
    return torch.allclose(both, alone.expand_as(both), 1e-3, 1e-4 * scale + 1e-6, equal_nan=True)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
