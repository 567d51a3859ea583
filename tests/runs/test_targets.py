"""Targets of any kind train a net as hand-made ones train plain skorch, and are predicted back."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import is_classifier
from skorch import NeuralNetClassifier
from torch import nn

from sktune.nets.randomness import Randomness
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.run import finished_net
from sktune.runs.solo import advance
from sktune.runs.targets import Codes, Shaped, Targets, class_labels, targets_for
from sktune.trainers import StackedTrainer
from tests.runs.target_examples import (
    CASES,
    CODES,
    IMAGES,
    N_ROWS,
    NAMES,
    NUMBERS,
    PIXELS,
    SEED,
    SINGLE,
    SOFT,
    Column,
    PairsAll,
    X,
    Y,
    classes,
    net_of,
    numbers,
)
from tests.user_nets import same_bits, weights


def rows_of(net):
    if net.module is nn.Conv2d:
        return IMAGES
    is_double = net.get_params().get("module__dtype") is torch.float64
    return X.astype(float) if is_double else X


def job_of(net, y):
    labels = class_labels(y) if is_classifier(net) else None
    setup = Setup(net, lambda net, X, y: 0.5, horizon=3, classes=labels)
    part = Part(rows_of(net), y)
    return AdvanceJob(setup, {}, PreparedFold(part, part), 3, SEED)


def plain(net, y):
    with Randomness(SEED).turn():
        return net.fit(rows_of(net), y)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", CASES)
def test_a_net_is_trained_as_plain_skorch_is_on_targets_made_by_hand(name):
    make, y, by_hand, decode = CASES[name]
    expected, job = plain(make(), by_hand), job_of(make(), y)
    net = finished_net(job.setup, job.fold, advance(job).snapshot)
    assert same_bits(net, expected)
    found, predictions = net.predict(rows_of(net)), decode(expected.predict(rows_of(net)))
    assert np.array_equal(found, predictions)
    assert found.dtype.kind.replace("O", "U") == predictions.dtype.kind


@pytest.mark.parametrize("name", CASES)
def test_so_is_a_stack(name):
    make, y, by_hand, _ = CASES[name]
    job = job_of(make(), y)
    for found in StackedTrainer().advance([job, job]):
        net = finished_net(job.setup, job.fold, found.snapshot)
        assert np.allclose(weights(net), weights(plain(make(), by_hand)), atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_so_is_a_net_that_is_fitted_again(name):
    make, y, by_hand, decode = CASES[name]
    job = job_of(make(), y)
    net = plain(finished_net(job.setup, job.fold, advance(job).snapshot), y)
    expected = plain(make(), by_hand)
    assert same_bits(net, expected)
    predictions = decode(expected.predict(rows_of(net)))
    assert np.array_equal(net.predict(rows_of(net)), predictions)


class TestKinds:
    """What is made of targets without a training."""

    def told(self, net, y, rows=X):
        labels = class_labels(y) if is_classifier(net) else None
        return targets_for(net.initialize(), rows, y, labels)

    def test_labels_that_are_known_before_are_those_of_all_rows(self):
        few = NAMES[Y][Y < 2]
        targets = targets_for(classes().initialize(), X, few, np.unique(NAMES))
        assert targets.classes.tolist() == [0, 1, 2]
        assert np.array_equal(targets.encode(few), CODES[Y < 2])

    @pytest.mark.parametrize("y", [None, {"a": NUMBERS}, torch.ones(N_ROWS, 2)], ids=type)
    def test_what_is_no_array_passes(self, y):
        targets = self.told(numbers(module__n_out=2), y)
        assert targets.encode(y) is y
        assert targets.decode(SINGLE) is SINGLE

    def test_a_module_that_cannot_take_the_rows_is_asked_nothing(self):
        assert self.told(numbers(), NUMBERS, X[:, :2]) == Targets(np.float32)
        assert isinstance(self.told(classes(), 2 * Y, X[:, :2]), Codes)

    def test_outputs_that_are_no_tensors_are_left_to_the_loss(self):
        class Named(Column):
            def forward(self, X):
                return {"mean": super().forward(X)}

        assert self.told(numbers(Named), NUMBERS) == Targets(np.float32)
        net = net_of(NeuralNetClassifier, Named, nn.CrossEntropyLoss, module__n_out=3)
        assert isinstance(self.told(net, 2 * Y), Codes)

    def test_a_loss_that_pairs_each_output_with_each_target_is_left_alone(self):
        # It never sees both as they are.
        assert self.told(numbers(criterion=PairsAll), NUMBERS) == Targets(np.float32)

    def test_nothing_is_drawn_or_trained(self):
        net = numbers().initialize()
        weight, drawn = net.module_.weight.clone(), torch.get_rng_state()
        targets_for(net, X, NUMBERS, None)
        assert torch.equal(net.module_.weight, weight)
        assert torch.equal(torch.get_rng_state(), drawn)

    def test_one_row(self):
        assert self.told(numbers(), NUMBERS[:1], X[:1]).encode(NUMBERS[:1]).shape == (1, 1)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (Y, [0, 1, 2]),
        (NAMES[Y], ["blue", "green", "red"]),
        (np.array([True, False], dtype=object), [False, True]),
        (pd.Series([3, 5, 3]), [3, 5]),
        (NUMBERS, None),
        (SOFT, None),
        (PIXELS, None),
        (np.array([[0, 1], [1, 1]]), None),
        (None, None),
    ],
)
def test_class_labels(y, expected):
    found = class_labels(y)
    assert expected is None if found is None else found.tolist() == expected


LABELS = st.one_of(
    st.lists(st.integers(-5, 20), min_size=1),
    st.lists(st.text("abc", max_size=3), min_size=1),
    st.lists(st.booleans(), min_size=1),
    st.lists(st.sampled_from([0.0, 1.0, 4.0, -2.0]), min_size=1),
)


@given(LABELS, st.sampled_from([np.asarray, pd.Series, list, lambda y: np.array(y, dtype=object)]))
def test_labels_come_back(labels, kind):
    y = kind(labels)
    known = np.unique(labels)
    for targets in (Codes(np.int64, np.arange(len(known)), known), Targets(None, known)):
        assert list(targets.decode(targets.encode(y))) == labels


@given(
    st.lists(st.floats(-9, 9, width=32), min_size=1),
    st.sampled_from([(), (1,)]),
    st.sampled_from([(), (1,), (1, 1)]),
)
def test_numbers_come_back_in_their_shape(values, shape, outputs):
    y = np.array(values).reshape(-1, *shape)
    targets = Shaped(np.float32, shape=outputs, is_flat=not shape)
    encoded = targets.encode(y)
    assert encoded.shape == (len(values), *outputs)
    assert np.array_equal(targets.decode(encoded), y)
