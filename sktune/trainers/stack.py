"""A stack in training: weights, program, optimiser and mini-batches of its members together."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch

from sktune.nets.threads import most_threads
from sktune.runs.kinds import kind_of
from sktune.runs.run import silenced
from sktune.stacking.batches import Batch, Batches
from sktune.stacking.dropout import MaskSource, dropout_rates
from sktune.stacking.fastest_threads import FastestThreads
from sktune.stacking.programs import Programs, Step, Template
from sktune.stacking.proof import UnstackableError, reason_against
from sktune.stacking.steps import Steps
from sktune.stacking.updates import StackedOptimizer
from sktune.stacking.weights import StackedWeights
from sktune.trainers.member import Member
from sktune.trainers.schedules import STILL, EpochRates
from sktune.trainers.settings import attributes, clipping, runs_users_code


class Stack:
    """Members of one structure, in the order in which their mini-batches fit side by side.

    Parameters
    ----------
    members : sequence of Member
        The networks.

    Raises
    ------
    UnstackableError
        If a stack does not do what the members' module does.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = sorted(members, key=lambda m: (len(m.table), m.table.source))
        nets = [member.net for member in self.members]
        settings = kind_of(nets[0]).loader_settings(nets[0])
        self._shuffle = bool(settings["shuffle"])
        self._batches = Batches(
            [member.table for member in self.members],
            settings["batch_size"],
            bool(settings.get("drop_last")),
            self.members[0].device,
        )
        template = Template(nets[0], attributes, runs_users_code(nets[0]))
        reason = reason_against(template, *self._batches.first())
        if reason:
            raise UnstackableError(reason)
        self.weights = StackedWeights([net.module_ for net in nets])
        self.programs = Programs(template, self.weights)
        self._optimizer = StackedOptimizer([net.optimizer_ for net in nets], self.weights)
        self._dropout_layers = [name for name, _ in template.masks_needed(*self._batches.first())]
        self._masks = MaskSource(self._dropout_rates(), self.weights.flat)
        self._steps = Steps(self.programs, self._batches, self.weights, self._masks)
        self._clipping = self._clips(nets)
        self._threads = self._choice_of_threads()
        self._latest: Sequence[Batch]

    def _dropout_rates(self) -> torch.Tensor:
        names = self._dropout_layers
        known = [None if m.change else dropout_rates(m.net.module_, names) for m in self.members]
        # A network that has left the stack drops nothing here.
        return torch.tensor([[0.0] * len(names) if rates is None else rates for rates in known])

    def _clips(self, nets: Sequence[Any]) -> tuple[torch.Tensor, float] | None:
        clips = [clipping(net) for net in nets]
        if clips[0] is None:
            return None
        limits = [clip[0] for clip in clips if clip is not None]
        return self.weights.flat.new_tensor(limits).unsqueeze(1), clips[0][1]

    def train(self, epochs: int) -> None:
        """Train every member for some epochs, or as far as it comes."""
        self._steps.plan(epochs)
        with ExitStack() as quiet:
            for member in self.members:
                quiet.enter_context(silenced(member.net))
            for _ in range(epochs):
                if any(member.is_live for member in self.members):
                    self._epoch()
        for network, member in enumerate(self.members):
            if member.error is None:
                if not member.change:
                    self._optimizer.settle(network)
                with member.guarded():
                    member.finish()

    def _epoch(self) -> None:
        plans = [self._begun(network) for network in range(len(self.members))]
        if any(member.is_watched for member in self.members):
            self._masks.set_rates(self._dropout_rates())
        live = [network for network, member in enumerate(self.members) if member.is_live]
        losses = self._trained(plans)
        for network in live:
            self._end(network, losses[:, network].tolist(), plans[network])

    def _begun(self, network: int) -> EpochRates:
        rates, member = STILL, self.members[network]
        if member.is_live:
            with member.guarded():
                rates = member.begin_epoch(self._batches.n_steps)
            self._let_go(network)
        return rates

    def _trained(self, plans: Sequence[EpochRates]) -> torch.Tensor:
        """Make the steps of an epoch, and return the losses of shape (n_steps, n_networks)."""
        n_steps, new = self._batches.n_steps, self.weights.flat.new_tensor
        learning_rates = new([plan.rates or [0.0] * n_steps for plan in plans])
        momenta = next((plan.momenta for plan in plans if plan.momenta), [STILL.events] * n_steps)
        decays, epoch = self._decays(), self._begun_batches()
        losses = self.weights.flat.new_zeros(n_steps, len(self.members))
        steps = zip(epoch, losses, learning_rates.T.unsqueeze(2), momenta, strict=True)
        for batches, found, rates, momentum in steps:
            step = partial(self._step, batches, found, rates, decays, momentum)
            self._make(step, batches)
        return losses

    def _make(self, step: Step, batches: Sequence[Batch]) -> None:
        """Make a step, on more threads than one if these are faster and change no bit."""
        are_many = all(batch.n_alike > 1 for batch in batches)
        if self._threads is None or not are_many or not self._steps.are_known(batches):
            # Of each size of mini-batch it would have to be found out whether bits are the same.
            step()
        else:
            self._latest = batches
            self._threads.measure(step)

    def _choice_of_threads(self) -> FastestThreads | None:
        n_threads = most_threads() if self.members[0].job.setup.n_workers == 1 else 1
        # The norm of gradients, and what brings buffers up to date, may depend on the threads.
        if n_threads == 1 or self._clipping is not None or self.weights.buffers:
            return None
        if self.weights.flat.device.type != "cpu":
            return None
        return FastestThreads(n_threads, lambda: self._steps.is_same_on(n_threads, self._latest))

    def _begun_batches(self) -> Iterator[list[Batch]]:
        self._steps.begin_epoch()
        generators = [m.generator if m.is_live else torch.Generator() for m in self.members]
        orders = [self._batches.order(n, self._shuffle, g) for n, g in enumerate(generators)]
        self._masks.begin_epoch(generators)
        return self._batches.epoch(orders)

    def _step(
        self,
        batches: Sequence[Batch],
        losses: torch.Tensor,
        rates: torch.Tensor,
        decays: torch.Tensor | None,
        momentum: Mapping[str, Any],
    ) -> None:
        for batch in batches:
            self._steps.differentiate(batch, losses)
        self._clip()
        self._optimizer.step(self._steps.gradients, rates, decays, momentum)

    def _end(self, network: int, losses: list[float], rates: EpochRates) -> None:
        member = self.members[network]
        with member.guarded():
            member.end_epoch(losses, self._batches.step_sizes(network), rates)
        self._let_go(network)

    def _let_go(self, network: int) -> None:
        member = self.members[network]
        if not member.is_live:
            # What the others go on to do must not reach it.
            self.weights.release(network)
            self._optimizer.release(network)
        if member.change:
            with member.guarded():
                member.go_on_alone()

    def _decays(self) -> torch.Tensor | None:
        decays = [m.net.optimizer_.param_groups[0].get("weight_decay", 0.0) for m in self.members]
        return self.weights.flat.new_tensor(decays).unsqueeze(1) if any(decays) else None

    def _clip(self) -> None:
        """Scale gradients whose norm is above the limit, as torch's clip_grad_norm_ does."""
        if self._clipping is not None:
            limits, kind = self._clipping
            gradients = self._steps.gradients
            norms = torch.linalg.vector_norm(gradients, kind, dim=1, keepdim=True)
            gradients.mul_((limits / (norms + 1e-6)).clamp(max=1.0))
