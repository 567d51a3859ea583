"""Calls travel as bytes, beside arrays that are sent once."""

import numpy as np
import pytest

from sktune.exceptions import LostWorkerError
from sktune.execution.parcels import Parcels, called


class Post:
    """Keeps what is sent, under numbers."""

    def __init__(self):
        self.sent = []

    def send(self, array):
        self.sent.append(array)
        return len(self.sent) - 1

    def fetch(self, numbers):
        return [self.sent[number] for number in numbers]


SHARED, OTHER = np.arange(100_000.0), np.ones(50_000)


def parcels():
    post = Post()
    found = Parcels(post.send)
    assert found.share(SHARED) is SHARED
    found.share(OTHER)
    return post, found


def test_a_call_returns_there_what_it_returns_here():
    post, here = parcels()
    few = np.arange(3)

    def call():
        return OTHER.sum() + few.sum() + SHARED[7], SHARED is SHARED

    packed, arrays = here.packed(call)
    assert len(packed) < 5000
    assert called(packed, arrays, post.fetch) == call()


def test_an_array_is_sent_once_and_only_if_it_is_needed():
    post, here = parcels()
    for _ in range(3):
        here.packed(lambda: SHARED.sum())
    assert [array is SHARED for array in post.sent] == [True]
    here.packed(lambda: (OTHER, SHARED, OTHER))
    assert len(post.sent) == 2
    here.forget()
    here.packed(lambda: SHARED.sum())
    assert len(post.sent) == 3


def test_one_array_in_several_places_is_one_there_too():
    post, here = parcels()
    pair = [SHARED, {"again": SHARED}]
    packed, arrays = here.packed(lambda: pair)
    found = called(packed, arrays, post.fetch)
    assert found[0] is found[1]["again"]


def gone(numbers):
    raise FileNotFoundError("no such data")


def test_what_does_not_arrive_is_a_lost_worker():
    post, here = parcels()
    packed, arrays = here.packed(lambda: SHARED.sum())
    for given in ((packed, [], post.fetch), (packed, arrays, gone), (b"rubbish", [], post.fetch)):
        with pytest.raises(LostWorkerError, match="did not reach its worker"):
            called(*given)


def test_what_the_call_itself_raises_is_raised():
    post, here = parcels()
    packed, arrays = here.packed(lambda: SHARED[10**9])
    with pytest.raises(IndexError):
        called(packed, arrays, post.fetch)
