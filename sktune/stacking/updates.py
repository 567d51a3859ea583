"""One torch optimiser for a stack, with a learning rate and a weight decay for each network.

An elementwise optimiser changes a weight by the learning rate times something that depends on
the gradients alone. So the optimiser runs at rate 1 and decay 0 on a tensor of zeros, which then
holds that something, and rate and decay of each network are applied by hand.
"""

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import optim
from torch.optim import Optimizer

from sktune.stacking.recording import RecordedStep
from sktune.stacking.weights import StackedWeights

ELEMENTWISE = (
    optim.SGD,
    optim.Adam,
    optim.AdamW,
    optim.RMSprop,
    optim.NAdam,
    optim.RAdam,
    optim.Adagrad,
    optim.Adamax,
    optim.Adadelta,
)
_FUSED_ON_CPU = (optim.SGD, optim.Adam, optim.AdamW, optim.Adagrad)
# Of the state, what counts steps is one number for the whole tensor.
_COUNTERS = ("step", "mu_product")
_PER_NETWORK = ("params", "lr", "initial_lr", "max_lr", "min_lr", "base_lr", "weight_decay")
MOMENTA = ("momentum", "betas", "base_momentum", "max_momentum")


def shared_settings(optimizer: Optimizer) -> dict[str, Any]:
    """Return the settings that all optimisers of a stack have in common."""
    group = optimizer.param_groups[0]
    return {name: value for name, value in group.items() if name not in _PER_NETWORK}


def _trained(optimizer: Optimizer) -> list[torch.Tensor]:
    return [p for p in optimizer.param_groups[0]["params"] if p.requires_grad]


def n_steps(optimizer: Optimizer) -> float:
    """Return how many steps the optimiser has made, as far as it counts them."""
    return next((float(s["step"]) for s in optimizer.state.values() if "step" in s), 0.0)


class StackedOptimizer:
    """Steps all weights of a stack.

    Parameters
    ----------
    optimizers : sequence of Optimizer
        Those of the networks, of one class and with the same settings but for learning rate and
        weight decay; their states are taken over, and kept up to date from the first step on.
    weights : StackedWeights
        What they optimise.
    """

    def __init__(self, optimizers: Sequence[Optimizer], weights: StackedWeights) -> None:
        first = optimizers[0]
        self._optimizers, self._weights = optimizers, weights
        self._delta = torch.nn.Parameter(torch.zeros_like(weights.flat))
        kind: Any = type(first)
        self._optimizer = kind([self._delta], lr=1.0)
        # Without torch's wrappers, which take longer than a step of small networks.
        self._step = partial(inspect.unwrap(kind.step), self._optimizer)
        self._group = self._optimizer.param_groups[0]
        self._group.update(shared_settings(first), weight_decay=0.0)
        if self._can_be_fused(first):
            self._group.update(fused=True, foreach=False)
        self._is_decoupled = isinstance(first, optim.AdamW) or bool(
            self._group.get("decoupled_weight_decay")
        )
        self._load()
        self._rates, self._decays = weights.flat.new_empty(2, len(weights.flat), 1)
        self._kind: Any = None
        self._again: RecordedStep
        self._is_bound = False
        self._released: set[int] = set()

    def _can_be_fused(self, first: Optimizer) -> bool:
        is_cpu, fused = self._delta.device.type == "cpu", self._group.get("fused", False)
        return is_cpu and fused is None and type(first) in _FUSED_ON_CPU

    def _load(self) -> None:
        states = [
            [optimizer.state[p] for p in _trained(optimizer) if p in optimizer.state]
            for optimizer in self._optimizers
        ]
        if not states[0]:
            return
        state = self._optimizer.state[self._delta]
        for name, value in states[0][0].items():
            if name in _COUNTERS or not isinstance(value, torch.Tensor):
                state[name] = value.clone() if isinstance(value, torch.Tensor) else value
            else:
                state[name] = torch.zeros_like(self._weights.flat)
                for row, own in enumerate(states):
                    for columns, entry in zip(self._weights.slices.values(), own, strict=True):
                        state[name][row, columns] = entry[name].reshape(-1)

    def step(
        self,
        gradients: torch.Tensor,
        rates: torch.Tensor,
        decays: torch.Tensor | None,
        momenta: Mapping[str, Any],
    ) -> None:
        """Make one step.

        Parameters
        ----------
        gradients : Tensor of shape (n_networks, n_weights)
            Changed in place.
        rates, decays : Tensor of shape (n_networks, 1)
            Learning rates and weight decays; ``decays=None`` is none at all.
        momenta : mapping
            Settings of the optimiser that a schedule moves for all networks alike.
        """
        self._gradients = self._delta.grad = gradients
        self._rates.copy_(rates)
        if decays is not None:
            self._decays.copy_(decays)
        kind = gradients.data_ptr(), momenta, decays is not None
        if kind != self._kind:
            self._kind, self._again = kind, RecordedStep(partial(self._update, decays is not None))
            self._group.update(momenta)
            self._update(decays is not None)
        else:
            # Only what does not change with each step is worth recording.
            self._again()
        if not self._is_bound:
            self._bind()

    @torch.no_grad()
    def _update(self, with_decay: bool) -> None:
        flat = self._weights.flat
        # Decoupled decay is a part of the step like any other: what the optimiser adds to.
        if with_decay and self._is_decoupled:
            torch.mul(flat, -self._decays, out=self._delta)
        else:
            self._delta.zero_()
        if with_decay and not self._is_decoupled:
            self._gradients.addcmul_(flat, self._decays)
        self._step()
        flat.addcmul_(self._delta, self._rates)

    def _bind(self) -> None:
        """Make the networks' optimiser states views of the stack's."""
        for row in set(range(len(self._optimizers))) - self._released:
            self._put(row)
        self._is_bound = True

    def settle(self, row: int) -> None:
        """Give each of a network's parameters step counters of its own."""
        optimizer = self._optimizers[row]
        for parameter in _trained(optimizer):
            state = optimizer.state.get(parameter, {})
            for name in state.keys() & set(_COUNTERS):
                if isinstance(state[name], torch.Tensor):
                    state[name] = state[name].clone()

    def release(self, row: int) -> None:
        """Give a network's optimiser a state of its own, which the stack can no longer change."""
        self._released.add(row)
        # Of what is there now: code of the user's may have changed it.
        for state in self._optimizers[row].state.values():
            state.update({n: v.clone() for n, v in state.items() if isinstance(v, torch.Tensor)})

    def _put(self, row: int) -> None:
        stacked = self._optimizer.state[self._delta]
        optimizer = self._optimizers[row]
        for parameter, columns in zip(
            _trained(optimizer), self._weights.slices.values(), strict=True
        ):
            optimizer.state[parameter] = {
                name: value[row, columns].view_as(parameter)
                if isinstance(value, torch.Tensor) and name not in _COUNTERS
                else value
                for name, value in stacked.items()
            }
