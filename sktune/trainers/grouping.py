"""Who is trained with whom: stacks planned from the candidates alone.

Their make-up shows in the last digits of the results, so nothing may enter into it that differs
between machines: neither the number of workers nor a measured time.
"""

import copy
from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from skorch import NeuralNet
from torch import nn

from sktune.runs.kinds import kind_of
from sktune.runs.overrides import BARS_STACKS, own
from sktune.runs.run import AdvanceJob
from sktune.stacking.structure import canonical, module_structure

# Weights, gradients and moments of a stack should stay near the processor: past some ten
# megabytes a larger stack is no faster, and then slower. A GPU only has to have room for them.
_CACHE = 1 << 24
_MEMORY = 1 << 30
_NUMBERS_PER_WEIGHT = 5
_NUMBERS_PER_ACTIVATION = 7
# The time of a step, in units of a multiplication: what every step costs, and every weight read.
_STEP = 4e6
_WEIGHT_READ = 20


class Size(NamedTuple):
    """Numbers of a network: its weights, and what it keeps of a row from layer to layer."""

    n_weights: int
    n_activations: int
    batch_size: int
    device: str = "cpu"


class Sketch(NamedTuple):
    """What is known of a network before it is begun.

    Networks with one ``key`` may be one stack; ``net`` is None if it cannot be made.
    """

    key: Hashable
    net: NeuralNet | None = None
    size: Size = Size(0, 0, 1)


class Planned(NamedTuple):
    """Jobs that are done together, by number, and about how long that takes in arbitrary units."""

    cost: float
    numbers: list[int]


def plan_stacks(jobs: Sequence[AdvanceJob], largest: int | None = None) -> list[Planned]:
    """Return the jobs of each stack, the dearest stack first.

    Parameters
    ----------
    jobs : sequence of AdvanceJob
        Runs that are to reach one rung.
    largest : int or None
        The most networks of a stack; None is what is fastest.
    """
    sketches: dict[Hashable, Sketch] = {}
    groups: dict[Hashable, tuple[Sketch, list[int]]] = {}
    for number, job in enumerate(jobs):
        shape = tuple(getattr(job.fold.train.X, "shape", ())[1:])
        maker = id(job.params), shape
        if maker not in sketches:
            sketches[maker] = _sketch(job, shape)
        key = sketches[maker].key, shape, job.n_resources, job.snapshot is None
        groups.setdefault(key, (sketches[maker], []))[1].append(number)
    stacks = []
    for sketch, numbers in groups.values():
        parts = _parts(numbers, _largest(sketch, largest))
        stacks += [(sketch.size, part) for part in parts]
    epochs = jobs[0].n_resources if jobs else 0
    return [Planned(cost * epochs, numbers) for cost, numbers in _balanced(stacks)]


def _sketch(job: AdvanceJob, row_shape: tuple[int, ...]) -> Sketch:
    try:
        net = job.setup.net(job.params)
        kind = kind_of(net)
        key = type(net), canonical(kind.settings(net))
    except Exception:
        # What cannot be made will say so when it is trained; until then it is like no other.
        return Sketch(("unknown", id(job.params)))
    try:
        module, row_shape = kind.module(net, row_shape)
        return Sketch((*key, module_structure(module)), net, _size(net, module, row_shape))
    except Exception:
        # What cannot be measured will say so, too.
        return Sketch(key, net)


def _size(net: NeuralNet, module: nn.Module, row_shape: tuple[int, ...]) -> Size:
    weights = list(module.parameters())
    n_outputs = sum(len(weight) for weight in weights if weight.dim() == 2)
    if any(weight.dim() > 2 for weight in weights):
        n_outputs = _n_activations(module, row_shape)
    device = torch.device(net.device or "cpu").type
    n_weights = sum(weight.numel() for weight in weights)
    return Size(n_weights, n_outputs, max(1, int(net.batch_size)), device)


def _n_activations(module: nn.Module, row_shape: tuple[int, ...]) -> int:
    """Return how many numbers the layers put out for a row, 0 if that cannot be told."""
    sizes: list[int] = []
    module = copy.deepcopy(module).to("meta")
    for part in module.modules():
        part.register_forward_hook(lambda *seen: sizes.append(seen[2].numel()))
    try:
        module.eval()(torch.empty(1, *row_shape, device="meta"))
    except Exception:
        # A module that takes something else than rows of numbers; its weights must do.
        return 0
    return sum(sizes)


def _largest(sketch: Sketch, allowed: int | None) -> int:
    is_alone = sketch.net is not None and any(own(sketch.net, *BARS_STACKS))
    return 1 if is_alone else allowed or _fastest(sketch.size)


def _fastest(size: Size) -> int:
    weights = 4 * _NUMBERS_PER_WEIGHT * max(1, size.n_weights)
    activations = 4 * _NUMBERS_PER_ACTIVATION * size.batch_size * size.n_activations
    within_memory = _MEMORY // (weights + activations)
    within_cache = _CACHE // weights if size.device == "cpu" else within_memory
    return max(1, min(within_cache, within_memory))


def _parts(numbers: Sequence[int], largest: int) -> list[list[int]]:
    """Cut into as few parts as allowed, of nearly equal size."""
    n_parts = -(-len(numbers) // largest)
    ends = [len(numbers) * part // n_parts for part in range(n_parts + 1)]
    return [list(numbers[a:b]) for a, b in pairwise(ends)]


def _cost(size: Size, n_networks: int) -> float:
    """Return about how long an epoch takes, up to a factor that all stacks share."""
    work = size.n_weights * (6 * size.batch_size + _WEIGHT_READ)
    return (_STEP + n_networks * work) / size.batch_size


def _balanced(stacks: Sequence[tuple[Size, list[int]]]) -> list[Planned]:
    """Halve what would take longer than all the rest, and send the dearest first."""
    half = sum(_cost(size, len(numbers)) for size, numbers in stacks) / 2
    parts = []
    for size, numbers in stacks:
        n_parts = 2 if _cost(size, len(numbers)) > half and len(numbers) > 1 else 1
        largest = -(-len(numbers) // n_parts)
        parts += [Planned(_cost(size, len(part)), part) for part in _parts(numbers, largest)]
    return sorted(parts, key=lambda part: (-part.cost, part.numbers))
