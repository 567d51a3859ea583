"""The training steps of a stack up to the gradients, each in memory of its own."""

from collections.abc import Hashable, Sequence

import torch

from sktune.stacking.batches import Batch, Batches
from sktune.stacking.dropout import MaskSource
from sktune.stacking.fastest_threads import is_same_on
from sktune.stacking.programs import Programs, Step, StepMemory
from sktune.stacking.recording import RecordedStep
from sktune.stacking.weights import StackedWeights

# To record a step takes about as long as to make it twice.
_NOT_RECORDED = 2


class Steps:
    """Makes the steps of an epoch, those of mini-batches of one size in the same memory.

    Parameters
    ----------
    programs : Programs
        What the networks compute.
    batches : Batches
        Their mini-batches.
    weights : StackedWeights
        Their weights.
    masks : MaskSource
        The masks of their dropout layers.

    Attributes
    ----------
    gradients : Tensor of shape (n_networks, n_weights)
        Those of the step that was made last, laid out like the weights.
    """

    def __init__(
        self, programs: Programs, batches: Batches, weights: StackedWeights, masks: MaskSource
    ) -> None:
        self._programs, self._batches = programs, batches
        self._weights, self._masks = weights, masks
        self.gradients = torch.zeros_like(weights.flat)
        self._steps: dict[Hashable, tuple[StepMemory, Step]] = {}
        self._n_epochs = 1

    def plan(self, n_epochs: int) -> None:
        """Be ready for some epochs."""
        self._n_epochs = n_epochs

    def begin_epoch(self) -> None:
        """Look at code of the user's anew: what it does may depend on anything."""
        if self._programs.template.runs_users_code:
            self._steps.clear()

    def differentiate(self, batch: Batch, losses: torch.Tensor) -> None:
        """Compute gradients and losses of a mini-batch."""
        memory, step = self._step(batch)
        self._batches.load(batch.rows, memory.X, memory.targets)
        self._masks.fill(batch.networks, memory.masks, batch.n_alike)
        step()
        losses[batch.networks] = memory.losses

    def _step(self, batch: Batch) -> tuple[StepMemory, Step]:
        key = _kind(batch)
        if key not in self._steps:
            memory = self._memory(batch)
            step = self._programs.of(batch.networks).step(memory)
            in_users_code = self._programs.template.runs_users_code
            n_times = batch.n_alike * (1 if in_users_code else self._n_epochs)
            self._steps[key] = memory, RecordedStep(step) if n_times > _NOT_RECORDED else step
        return self._steps[key]

    def _memory(self, batch: Batch) -> StepMemory:
        n_networks, n_rows = batch.rows.shape
        X, targets = self._batches.room(n_networks, n_rows)
        self._batches.load(batch.rows, X, targets)
        first = tuple(part[0] for part in targets)
        needed = self._programs.template.masks_needed(X[0], first)
        new = self._weights.flat.new_empty
        masks = [new((n_networks, *shape)) for _, shape in needed]
        gradients = self.gradients[batch.networks, : self._weights.n_weights]
        return StepMemory(X, targets, masks, gradients, new(n_networks))

    def are_known(self, batches: Sequence[Batch]) -> bool:
        """Whether steps of such mini-batches were made since code of the user's was looked at."""
        return all(_kind(batch) in self._steps for batch in batches)

    def is_same_on(self, n_threads: int, batches: Sequence[Batch]) -> bool:
        """Whether the steps of the latest mini-batches give the same bits on so many threads."""
        return all(
            is_same_on(n_threads, step, [memory.gradients, memory.losses])
            for memory, step in map(self._step, batches)
        )


def _kind(batch: Batch) -> Hashable:
    return batch.networks.start, *batch.rows.shape
