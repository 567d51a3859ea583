"""The stacked trainer: many networks of one structure advanced as one tensor program.

Each network has its own weights, mini-batches, dropout masks, learning rate, weight decay and
schedule, drawn and kept as if it were alone; its callbacks, history and snapshot are those of a
network alone. A network that diverges, raises or stops early leaves the others as they are.
"""

import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import torch

from sktune.candidates import Failure, attempt
from sktune.nets.randomness import Randomness
from sktune.runs.run import Advanced, AdvanceJob, Outcome, n_trained_weights, strict_warnings
from sktune.runs.solo import advance
from sktune.stacking.proof import UnstackableError
from sktune.trainers.member import FoldRows, Member
from sktune.trainers.scores import StackScores
from sktune.trainers.settings import progress, structure
from sktune.trainers.stack import Stack

Numbered = tuple[int, Outcome]
_OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "out of memory")


def advance_stack(jobs: Sequence[AdvanceJob]) -> list[Outcome]:
    """Train runs on to their rung, in one stack as far as they allow, and score them.

    The outcomes are in the order of the runs. Runs that turn out to differ in structure become
    several stacks, and what cannot be stacked is trained alone. A run that fails is a value among
    the others.
    """
    with jobs[0].setup.at_work(), Randomness(0).turn(), strict_warnings():
        outcomes = dict(_advanced(list(enumerate(jobs))))
    return [outcomes[number] for number in range(len(jobs))]


def _advanced(jobs: Sequence[tuple[int, AdvanceJob]]) -> Iterator[Numbered]:
    with ExitStack() as directories:
        yield from _in_stacks(jobs, directories)


def _in_stacks(
    jobs: Sequence[tuple[int, AdvanceJob]], directories: ExitStack
) -> Iterator[Numbered]:
    rows = FoldRows()
    groups: dict[tuple[Hashable, ...], list[tuple[int, Member]]] = {}
    for number, job in jobs:
        start = time.perf_counter()
        try:
            member = Member(job, rows, directories)
        except Exception as error:
            yield number, Failure.of(error, time.perf_counter() - start)
            continue
        if member.obstacle is None:
            # One that goes on from an older snapshot has farther to go than the others.
            kind = structure(member.net, member.table)
            key = kind, progress(member.net, member.table), member.state.epochs
            groups.setdefault(key, []).append((number, member))
        else:
            yield number, alone(job, member.obstacle)
    for group in groups.values():
        yield from _stacked(group)


def _stacked(group: list[tuple[int, Member]]) -> Iterator[Numbered]:
    numbers = {id(member): number for number, member in group}
    start = time.perf_counter()
    try:
        stack = _trained([member for _, member in group])
    except Exception as error:
        # The traceback would keep the whole stack in memory.
        failure = error.with_traceback(None)
    else:
        share = (time.perf_counter() - start) / len(group)
        found = StackScores(stack)
        for row, member in enumerate(stack.members):
            yield numbers[id(member)], _outcome(found, row, member, share)
        return
    jobs = [(number, member.job) for number, member in group]
    group.clear()
    yield from _without_stack(jobs, failure)


def _trained(members: Sequence[Member]) -> Stack:
    stack = Stack(members)
    first = stack.members[0]
    stack.train(first.job.n_resources - first.state.epochs)
    return stack


def _outcome(found: StackScores, row: int, member: Member, share: float) -> Outcome:
    trained = member.seconds + share
    if member.error is not None:
        return Failure.of(member.error, trained)
    start = time.perf_counter()
    try:
        measured = found.of(row)
    except Exception as error:
        return Failure.of(error, trained + time.perf_counter() - start)
    return Advanced(
        member.snapshot,
        *measured,
        n_parameters=n_trained_weights(member.net),
        fit_time=trained,
        score_time=time.perf_counter() - start,
        stack_size=1 if member.change else found.n_networks,
        solo_reason=member.change,
    )


def _without_stack(jobs: Sequence[tuple[int, AdvanceJob]], error: Exception) -> Iterator[Numbered]:
    """Begin again, from the snapshots, in smaller stacks or alone."""
    if _is_out_of_memory(error) and len(jobs) > 1:
        half = len(jobs) // 2
        yield from _advanced(jobs[:half])
        yield from _advanced(jobs[half:])
        return
    is_known = isinstance(error, UnstackableError)
    reason = str(error) if is_known else f"its stack failed ({type(error).__name__}: {error})"
    for number, job in jobs:
        yield number, alone(job, reason)


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(w in str(error) for w in _OUT_OF_MEMORY)


def alone(job: AdvanceJob, reason: str) -> Outcome:
    """Train and score a run alone; ``reason`` says why."""
    outcome = attempt(advance, job)
    return outcome if isinstance(outcome, Failure) else replace(outcome, solo_reason=reason)
