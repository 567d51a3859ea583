"""What the networks of a stack have in common."""

import numpy as np
from torch import nn

from sktune.trainers.stacking.kinship import canonical, skeleton
from tests.user_nets import Perceptron


def test_a_skeleton_leaves_out_weights_and_dropout_rates():
    one, other = Perceptron(dropout=0.1), Perceptron(dropout=0.4)
    assert canonical(skeleton(one)) == canonical(skeleton(other))
    assert canonical(skeleton(one)) != canonical(skeleton(Perceptron(width=9)))
    other.note = "mine"
    assert canonical(skeleton(one)) != canonical(skeleton(other))


def test_canonical_values_are_equal_when_values_are():
    pairs = [(1, 1), ([1, "a"], [1, "a"]), ({"b": 1, "a": 2}, {"a": 2, "b": 1}), ({1, 2}, {2, 1})]
    assert all(canonical(one) == canonical(other) for one, other in pairs)
    unlike = [(1, 1.0), (1, True), ([1], (1,)), ("1", 1), (nn.ReLU, nn.GELU)]
    assert all(canonical(one) != canonical(other) for one, other in unlike)
    arrays = np.arange(3), np.arange(3.0)
    assert canonical(arrays[0]) == canonical(np.arange(3))
    assert canonical(arrays[0]) != canonical(arrays[1])
