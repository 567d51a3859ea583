"""The order in which stacks are begun, and tried again."""

import pytest

from sktune.candidates import Failure, Run
from sktune.engine.faults import Faults
from sktune.engine.queue import StackQueue
from sktune.engine.waves import StackJob
from sktune.exceptions import LostWorkerError


def stack(cost, *candidates, faults=None):
    due = [(Run(c, 0), None) for c in candidates]
    return StackJob(cost, None, due, [f"job {c}" for c in candidates], faults or Faults())


def failure(n_suspects=1):
    return Failure.of(LostWorkerError("it died", n_suspects=n_suspects), 0.0)


def drained(queue):
    return [queue.next() for _ in range(len(queue))]


def test_the_longest_come_first_of_equals_the_earlier():
    queue = StackQueue(max_retries=1)
    stacks = [stack(1, 4), stack(3, 2), stack(3, 1), stack(2, 0)]
    queue.add(stacks[:2])
    queue.add(stacks[2:])
    assert [s.due[0][0].candidate_id for s in drained(queue)] == [1, 2, 0, 4]


def test_a_suspect_comes_last_and_alone():
    queue = StackQueue(max_retries=1)
    suspect = stack(9, 0, faults=Faults(n_shared=2))
    queue.add([suspect, stack(1, 1)])
    first = queue.next()
    assert first.cost == 1
    assert not queue.may_begin(n_running=1, at_once=4)
    assert queue.may_begin(n_running=0, at_once=4)
    queue.begun(7, queue.next())
    queue.add([first])
    assert not queue.may_begin(n_running=1, at_once=4)
    assert queue.ended(7) is suspect
    assert queue.may_begin(n_running=1, at_once=4)
    assert not queue.may_begin(n_running=4, at_once=4)


@pytest.mark.parametrize("max_retries", [0, 1, 2])
def test_what_goes_on_to_fail_is_halved_and_then_given_up(max_retries):
    queue = StackQueue(max_retries)
    queue.add([stack(1, *range(4))])
    tries = {}
    while len(queue):
        latest = queue.next()
        jobs = tuple(latest.jobs)
        tries[jobs] = tries.get(jobs, 0) + 1
        if not queue.retry(latest, failure()):
            assert len(jobs) == 1
    assert tries[("job 0", "job 1", "job 2", "job 3")] == max_retries + 1
    assert all(tries[(f"job {k}",)] == 1 for k in range(4))
    assert len(tries) == 7


def test_losses_in_company_are_tried_again_without_end_of_patience():
    queue = StackQueue(max_retries=0)
    assert queue.retry(stack(1, 0), failure(n_suspects=3))
    (again,) = drained(queue)
    assert again.faults == Faults(n_shared=1)
