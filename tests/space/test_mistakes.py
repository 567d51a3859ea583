"""What users write where something to be tried is meant, and what they are told."""

import re

import numpy as np
import pytest
import torch
from scipy.stats import expon, loguniform, randint, uniform
from sklearn.svm import SVC

from sktune import Choice, Float, Int
from sktune.exceptions import InvalidSettingsError
from sktune.space import Space
from sktune.space.mistakes import dimension_mistakes

RANGES = [
    ((1e-4, 1e-1), "[0.0001, 0.1] or Float(0.0001, 0.1, log=True)"),
    ((0.0, 0.5), "[0.0, 0.5] or Float(0.0, 0.5)"),
    ((1, 4), "[1, 4] or Int(1, 4)"),
    ((np.int64(1), np.int64(4)), "[1, 4] or Int(1, 4)"),
    ((1, 0.5 + 1), "[1, 1.5] or Float(1, 1.5)"),
    ((1e-4, 1e-1, "log-uniform"), "[0.0001, 0.1] or Float(0.0001, 0.1, log=True)"),
    ((16, 512, "log"), "[16, 512] or Int(16, 512, log=True)"),
    ((1, 3, "uniform"), "[1, 3] or Int(1, 3)"),
]


@pytest.mark.parametrize(("given", "ways_out"), RANGES)
def test_a_pair_of_numbers_is_two_values_or_a_range(given, ways_out):
    with pytest.raises(InvalidSettingsError, match=re.escape(f"write {ways_out}.")):
        Space({"lr": given})
    for way_out in ways_out.split(" or "):
        Space({"lr": eval(way_out)})


@pytest.mark.parametrize(
    "given",
    [
        [0.1, 0.2],
        (0.1, 0.2, 0.3),
        (0.1,),
        (3, 1),
        (True, False),
        ("a", "b"),
        (None, 1),
        np.array([0.1, 0.2]),
        range(1, 3),
        uniform,
        uniform(0, 1),
        expon,
        loguniform(1, 2),
        Choice((1, 2)),
        [torch.nn.ReLU, torch.optim.SGD],
    ],
)
def test_what_can_be_read_in_one_way_is_taken(given):
    assert not list(dimension_mistakes("lr", given))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Float, "`lr`=Float is a class: write Float(...)"),
        (Int, "`lr`=Int is a class"),
        (Choice, "`lr`=Choice is a class"),
        (float, "`lr`=float is a class"),
        (loguniform, "is a family of distributions"),
        (randint, "`lr`=randint is a family of distributions: write randint(...)"),
        ("adam", "write ['adam'] for a single value"),
        (np.float64(0.1), "write [0.1] for a single value"),
        ({1, 2}, "must be a list of values"),
        ([SVC(), SVC], "`lr` lists the class SVC: write SVC()"),
        ((), "must hold at least one value"),
    ],
)
def test_what_cannot_be_drawn_from_is_refused(given, said):
    with pytest.raises(InvalidSettingsError, match=re.escape(said)):
        Space({"lr": given})


def test_dimensions_show_plain_numbers():
    assert repr(Float(np.float32(0.5), np.float64(1))) == "Float(low=0.5, high=1.0, log=False)"
    assert repr(Int(np.int64(1), np.int32(4))) == "Int(low=1, high=4, log=False)"
