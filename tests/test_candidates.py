import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktune.candidates import Advance, History, Seeds
from tests.schedules.laws import report


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=10), st.randoms())
def test_the_mean_of_a_standing_knows_no_order(scores, rng):
    def mean(order):
        history = History()
        history.propose({}, 0)
        for fold in order:
            history.add(report(Advance(0, 0, 0, 1), fold, scores[fold]))
        return history.standings(0, 0)[0].score

    order = list(range(len(scores)))
    straight = mean(order)
    rng.shuffle(order)
    assert mean(order) == straight


def test_seeds_differ_by_root_purpose_and_numbers():
    seeds = {
        Seeds(root).derive(purpose, candidate, fold)
        for root in range(5)
        for purpose in ("train", "transform")
        for candidate in range(100)
        for fold in range(10)
    }
    assert len(seeds) > 9990
    assert all(0 <= seed < 2**32 for seed in seeds)
    bits = np.unpackbits(np.array(sorted(seeds), dtype=np.uint32).view(np.uint8))
    assert abs(bits.mean() - 0.5) < 0.01


def test_seeds_are_the_same_in_every_process():
    # the first four bytes of `printf 0:train:1:2 | sha256sum`
    assert Seeds(0).derive("train", 1, 2) == 0x296F0955


@pytest.mark.parametrize(
    ("drawn", "written"),
    [
        (np.int64(14), 14),
        (np.float64(0.1), 0.1),
        (np.bool_(True), True),
        (np.str_("adam"), "adam"),
        ((np.int64(1),), (np.int64(1),)),
        (None, None),
    ],
)
def test_settings_are_kept_as_a_user_would_write_them(drawn, written):
    kept = History().propose({"a": drawn}, bracket=0).params["a"]
    assert kept == written
    assert type(kept) is type(written)
