"""A stack in training: weights, program, optimiser and mini-batches of its members together."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import torch

from sktune.nets import ReadyNet
from sktune.nets.sparse import AnyRows, parts_of
from sktune.trainers.runs import silenced
from sktune.trainers.stacking.batches import Batch, Batches
from sktune.trainers.stacking.dropout import Masks, MaskSource, dropout_rates
from sktune.trainers.stacking.kinship import clipping, loader_settings
from sktune.trainers.stacking.member import Member
from sktune.trainers.stacking.programs import Place, Program, Step, Template, program_for
from sktune.trainers.stacking.schedules import STILL, EpochRates
from sktune.trainers.stacking.updates import StackedOptimizer
from sktune.trainers.stacking.weights import StackedWeights


class Stack:
    """Members of one structure, in the order in which their mini-batches fit side by side.

    Raises
    ------
    UnstackableError
        If no program does what the members' module does.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = sorted(members, key=lambda m: (len(m.table), m.table.source))
        nets = [member.net for member in self.members]
        settings = loader_settings(nets[0])
        self._shuffle = bool(settings["shuffle"])
        self._batches = Batches(
            [member.table for member in self.members],
            settings["batch_size"],
            bool(settings.get("drop_last")),
            self.members[0].device,
        )
        self._template = Template(nets[0])
        X, targets = self._batches.first()
        needed = self._template.masks_needed(X, targets)
        self._shapes = {len(X): [shape for _, shape in needed]}
        self._build = program_for(self._template, X, targets, self._shapes[len(X)])
        self.weights = StackedWeights([net.module_ for net in nets])
        self._optimizer = StackedOptimizer([net.optimizer_ for net in nets], self.weights)
        self._gradients = torch.zeros_like(self.weights.flat)
        self._programs: dict[tuple[int, int], Program] = {}
        self._steps: dict[tuple[int, int, int], tuple[Place, Step]] = {}
        self._dropout_layers = [name for name, _ in needed]
        self._masks = MaskSource(self._dropout_rates(), self.weights.flat)
        self._clipping = self._clips(nets)

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
        with ExitStack() as quiet:
            for member in self.members:
                quiet.enter_context(silenced(member.net))
            for _ in range(epochs):
                if any(member.is_live for member in self.members):
                    self._epoch()
        for row, member in enumerate(self.members):
            if member.error is None:
                if not member.change:
                    self._optimizer.settle(row)
                with member.guarded():
                    member.finish()

    def _epoch(self) -> None:
        n_steps = self._batches.n_steps
        plans = [self._begun(row, n_steps) for row in range(len(self.members))]
        if any(member.is_watched for member in self.members):
            self._masks.set_rates(self._dropout_rates())
        live = [member.is_live for member in self.members]
        generators = [m.generator if m.is_live else torch.Generator() for m in self.members]
        orders = [self._batches.order(r, self._shuffle, g) for r, g in enumerate(generators)]
        self._masks.begin_epoch(generators)
        rates = self.weights.flat.new_tensor([p.rates or [0.0] * n_steps for p in plans])
        decays = self._decays()
        momenta = next((p.momenta for p in plans if p.momenta), [STILL.events] * n_steps)
        losses = self.weights.flat.new_zeros(n_steps, len(self.members))
        masks = self._masks_of(slice(None), self._batches.n_full, self._batches.batch_size)
        epoch = self._batches.epoch(orders)
        steps = zip(epoch, losses, rates.T.unsqueeze(2), momenta, strict=True)
        for batches, found, rate, momentum in steps:
            for batch in batches:
                self._differentiate(batch, masks, found)
            self._clip()
            self._optimizer.step(self._gradients, rate, decays, momentum)
        for row in range(len(live)):
            if live[row]:
                self._end(row, losses[:, row].tolist(), plans[row])

    def _begun(self, row: int, n_steps: int) -> EpochRates:
        rates, member = STILL, self.members[row]
        if member.is_live:
            with member.guarded():
                rates = member.begin_epoch(n_steps)
            self._let_go(row)
        return rates

    def _end(self, row: int, losses: list[float], rates: EpochRates) -> None:
        member = self.members[row]
        with member.guarded():
            member.end_epoch(losses, self._batches.step_sizes(row), rates)
        self._let_go(row)

    def _let_go(self, row: int) -> None:
        member = self.members[row]
        if not member.is_live:
            # What the others go on to do must not reach it.
            self.weights.release(row)
            self._optimizer.release(row)
        if member.change:
            with member.guarded():
                member.go_on_alone()

    def _decays(self) -> torch.Tensor | None:
        decays = [m.net.optimizer_.param_groups[0].get("weight_decay", 0.0) for m in self.members]
        return self.weights.flat.new_tensor(decays).unsqueeze(1) if any(decays) else None

    def _masks_of(self, networks: slice, n_steps: int, n_rows: int) -> Iterator[Masks]:
        """Yield the masks of each step, drawn for some steps at once."""
        shapes = self._shapes.get(n_rows, [])
        at_once = self._masks.steps_at_once(networks, shapes)
        for start in range(0, n_steps, at_once):
            yield from self._masks.draw(networks, min(at_once, n_steps - start), shapes)

    def _differentiate(self, batch: Batch, masks: Iterator[Masks], losses: torch.Tensor) -> None:
        networks, (n_networks, n_rows) = batch.networks, batch.rows.shape
        place, step = self._step(batch)
        self._batches.load(batch.rows, place.X, place.targets)
        if n_rows not in self._shapes:
            needed = self._template.masks_needed(place.X[0], tuple(t[0] for t in place.targets))
            self._shapes[n_rows] = [shape for _, shape in needed]
        is_full = n_rows == self._batches.batch_size and n_networks == len(self.members)
        place.masks[:] = next(masks if is_full else self._masks_of(networks, 1, n_rows))
        losses[networks] = step()

    def _step(self, batch: Batch) -> tuple[Place, Step]:
        """Return where mini-batches of this size are put, one after the other, and the step."""
        networks, n_rows = batch.networks, batch.rows.shape[1]
        key = networks.start, networks.stop, n_rows
        if key not in self._steps:
            gradients = self._gradients[networks, : self.weights.n_weights]
            place = Place(*self._batches.room(*batch.rows.shape), [], gradients)
            self._steps[key] = place, self._program(networks).step(place)
        return self._steps[key]

    def _program(self, networks: slice) -> Program:
        key = (networks.start, networks.stop)
        if key not in self._programs:
            self._programs[key] = self._build(
                {name: weight[networks] for name, weight in self.weights.weights.items()},
                {name: buffer[networks] for name, buffer in self.weights.buffers.items()},
            )
        return self._programs[key]

    def _clip(self) -> None:
        """Scale gradients whose norm is above the limit, as torch's clip_grad_norm_ does."""
        if self._clipping is not None:
            limits, kind = self._clipping
            norms = torch.linalg.vector_norm(self._gradients, kind, dim=1, keepdim=True)
            self._gradients.mul_((limits / (norms + 1e-6)).clamp(max=1.0))

    def outputs(self, X: Sequence[AnyRows]) -> list[torch.Tensor]:
        """Return each member's outputs in evaluation for rows of its own."""
        found: list[torch.Tensor] = []
        while len(found) < len(X):
            first = len(found)
            last = first + 1
            while last < len(X) and len(X[last]) == len(X[first]):
                last += 1
            found.extend(self._outputs(slice(first, last), X[first:last]))
        return found

    def answers_row_by_row(self, X: AnyRows) -> bool:
        """Whether outputs for a row are the same whatever other rows are in its mini-batch."""
        if isinstance(self.members[0].net, ReadyNet):
            return True
        first = slice(0, 1)
        try:
            four, two = (self._outputs(first, [X[:n_rows]])[0] for n_rows in (4, 2))
        except Exception:  # whatever a module says of mini-batches that it does not take
            return False
        return torch.allclose(four[: len(two)], two, rtol=1e-3, atol=1e-5, equal_nan=True)

    def _outputs(self, networks: slice, X: Sequence[AnyRows]) -> torch.Tensor:
        program, device, n_networks = self._program(networks), self.weights.flat.device, len(X)
        found: torch.Tensor | None = None
        for rows in parts_of(X[0], _ROWS_AT_ONCE // n_networks, _NUMBERS_AT_ONCE // n_networks):
            outputs = program.outputs(_stacked(X, rows).to(device)).cpu()
            if found is None:
                found = outputs.new_empty((n_networks, len(X[0]), *outputs.shape[2:]))
            found[:, rows] = outputs
        assert found is not None, "no rows to predict"
        return found


def _stacked(X: Sequence[AnyRows], rows: slice) -> torch.Tensor:
    """Return some rows of each network; the networks of a fold have theirs in common."""
    parts = {key: torch.from_numpy(own[rows]) for key, own in {id(own): own for own in X}.items()}
    return torch.stack([parts[id(own)] for own in X])


# What is predicted at once by all networks: rows, and numbers in them.
_ROWS_AT_ONCE = 1 << 14
_NUMBERS_AT_ONCE = 1 << 24
