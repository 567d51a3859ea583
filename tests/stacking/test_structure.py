"""What is equal in networks of one stack."""

import numpy as np
from torch import nn

from sktune.stacking.structure import canonical, module_structure
from tests.user_nets import Perceptron


def test_the_structure_of_a_module_leaves_out_weights_and_dropout_rates():
    one, other = Perceptron(dropout=0.1), Perceptron(dropout=0.4)
    assert canonical(module_structure(one)) == canonical(module_structure(other))
    assert canonical(module_structure(one)) != canonical(module_structure(Perceptron(width=9)))
    other.note = "mine"
    assert canonical(module_structure(one)) != canonical(module_structure(other))


def test_canonical_values_are_equal_when_values_are():
    pairs = [(1, 1), ([1, "a"], [1, "a"]), ({"b": 1, "a": 2}, {"a": 2, "b": 1}), ({1, 2}, {2, 1})]
    assert all(canonical(one) == canonical(other) for one, other in pairs)
    unlike = [(1, 1.0), (1, True), ([1], (1,)), ("1", 1), (nn.ReLU, nn.GELU)]
    assert all(canonical(one) != canonical(other) for one, other in unlike)
    arrays = np.arange(3), np.arange(3.0)
    assert canonical(arrays[0]) == canonical(np.arange(3))
    assert canonical(arrays[0]) != canonical(arrays[1])
