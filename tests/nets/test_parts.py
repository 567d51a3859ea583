"""The parts that the nets are made of, each against torch's own."""

import random
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR
from torch.utils.data import DataLoader, Subset, TensorDataset

from sktune.nets.batches import TableDataset, batches
from sktune.nets.module import MLP, BatchNorm
from sktune.nets.randomness import Randomness
from sktune.nets.rates import Cosine, OneCycle


class TestBatches:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 40), st.integers(1, 12), st.booleans(), st.booleans())
    def test_the_same_rows_in_the_same_order_as_torch(self, n, size, shuffle, drop_last):
        data = TableDataset(np.arange(n * 2.0).reshape(n, 2), np.arange(n))
        ours = batches(data, size, shuffle, drop_last)
        torchs = DataLoader(data, size, shuffle, drop_last=drop_last)
        for loader in (ours, torchs):
            torch.manual_seed(0)
            loader.seen = [[part.tolist() for part in b] for _ in range(2) for b in loader]
        assert ours.seen == torchs.seen

    def test_of_a_subset(self):
        data = Subset(TensorDataset(torch.arange(9.0)), [8, 1, 5])
        assert [b[0].tolist() for b in batches(data, 2)] == [[8, 1], [5]]

    def test_weights_come_with_the_targets(self):
        data = TableDataset(np.ones((3, 1)), np.arange(3), np.array([1.0, 2.0, 3.0]))
        _, (y, weight) = next(iter(batches(data, 3)))
        assert y.tolist() == [0, 1, 2]
        assert weight.tolist() == [1, 2, 3]


def torch_rates(make, n_steps):
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, rates = make(optimizer), []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("n_steps", [4, 5, 11, 100, 999])
class TestRates:
    def test_onecycle_is_torchs(self, n_steps):
        rates = torch_rates(
            lambda o: OneCycleLR(o, 1.0, total_steps=n_steps + 1, cycle_momentum=False), n_steps
        )
        assert [OneCycle(n_steps + 1)(step) for step in range(n_steps)] == pytest.approx(rates)

    def test_cosine_is_torchs(self, n_steps):
        rates = torch_rates(lambda o: CosineAnnealingLR(o, n_steps), n_steps)
        assert [Cosine(n_steps)(step) for step in range(n_steps)] == pytest.approx(rates)

    def test_they_stay_low_after_the_end(self, n_steps):
        for schedule in (OneCycle(n_steps), Cosine(n_steps)):
            assert 0 <= schedule(10 * n_steps) < 1e-5


class TestModule:
    def test_one_row_is_normalised_as_in_evaluation(self):
        norm, oracle = BatchNorm(3), torch.nn.BatchNorm1d(3)
        many, one = torch.randn(20, 3), torch.randn(1, 3)
        assert torch.equal(norm(many), oracle(many))
        assert torch.allclose(norm(one), oracle.eval()(one))
        assert torch.equal(norm.running_mean, oracle.running_mean)

    def test_shapes_and_depth(self):
        net = MLP(5, 2, depth=3, width=7, dropout=0.1, activation="relu", normalization="layer")
        assert net(torch.ones(4, 5)).shape == (4, 2)
        kinds = [type(layer).__name__ for layer in net.layers]
        assert kinds == ["Linear", "LayerNorm", "ReLU", "Dropout"] * 3 + ["Linear"]


def draw():
    return random.random(), np.random.rand(), float(torch.rand(1))


class TestRandomness:
    def test_it_starts_where_a_seeded_generator_starts(self):
        with Randomness(5).turn():
            drawn = draw()
        oracle = torch.rand(1, generator=torch.Generator().manual_seed(5))
        assert drawn == (
            random.Random(5).random(),
            np.random.RandomState(5).rand(),
            float(oracle),
        )

    def test_turns_go_on(self):
        one, other = Randomness(5), Randomness(5)
        with one.turn():
            straight = [draw() for _ in range(4)]
        parts = []
        for _ in range(4):
            with other.turn():
                parts.append(draw())
            draw()
        assert parts == straight

    def test_the_global_state_comes_back_after_an_error(self):
        torch.manual_seed(1)
        expected = torch.rand(1)
        torch.manual_seed(1)
        with pytest.raises(KeyError), Randomness(0).turn():
            {}[draw()]
        assert torch.equal(torch.rand(1), expected)

    def test_threads_take_turns(self):
        found = {}

        def work(seed):
            own = Randomness(seed)
            found[seed] = []
            for _ in range(50):
                with own.turn():
                    found[seed].append(draw())

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for seed, drawn in found.items():
            with Randomness(seed).turn():
                assert drawn == [draw() for _ in range(50)]
