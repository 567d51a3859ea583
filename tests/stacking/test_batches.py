"""Mini-batches of a stack against those of torch's loader."""

from itertools import chain

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from sktune.nets.batches import batches
from sktune.stacking.batches import Batches, Table, epoch_order


class Rows:
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, rows):
        return rows


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_order_is_that_of_torchs_loader(shuffle):
    generator = torch.Generator().manual_seed(3)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        loader = DataLoader(Rows(50), batch_size=8, shuffle=shuffle)
        for _ in range(3):
            theirs = torch.cat(list(loader)).tolist()
            assert epoch_order(50, shuffle, generator).tolist() == theirs
        assert torch.equal(torch.get_rng_state(), generator.get_state())
        ours = batches(Rows(50), 8, shuffle)
        expected = list(chain.from_iterable(ours))
        assert epoch_order(50, shuffle, generator).tolist() == expected


def tables(sizes):
    return [
        Table(k, np.arange(n, dtype=np.float32)[:, None] + 100 * k, (np.arange(n),))
        for k, n in enumerate(sizes)
    ]


@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("sizes", [(10, 10, 10), (9, 10, 11), (8, 8), (5, 6, 7), (3, 4)])
def test_batches_are_the_rows_of_each_network_in_order(sizes, drop_last):
    size = 4
    if len({n // size if drop_last else -(-n // size) for n in sizes}) > 1:
        pytest.skip("these do not make one stack")
    stack = Batches(tables(sizes), size, drop_last, torch.device("cpu"))
    generators = [torch.Generator().manual_seed(k) for k in range(len(sizes))]
    orders = [stack.order(k, True, g) for k, g in enumerate(generators)]
    seen = [[] for _ in sizes]
    steps = list(stack.epoch(orders))
    assert len(steps) == stack.n_steps
    for step in steps:
        for batch in step:
            X, targets = stack.room(*batch.rows.shape)
            stack.load(batch.rows, X, targets)
            for position, network in enumerate(range(len(sizes))[batch.networks]):
                rows = X[position, :, 0]
                assert torch.equal(rows - 100 * network, targets[0][position].float())
                seen[network].append(rows)
    for network, n in enumerate(sizes):
        loader = DataLoader(Rows(n), batch_size=size, shuffle=True, drop_last=drop_last)
        with torch.random.fork_rng():
            torch.manual_seed(network)
            expected = [rows + 100 * network for rows in loader]
        assert [rows.tolist() for rows in seen[network]] == [rows.tolist() for rows in expected]
        assert stack.step_sizes(network) == [len(rows) for rows in expected]


def test_networks_of_one_fold_share_its_rows():
    source = tables([10])[0]
    halves = [Table(0, source.X, source.targets, np.arange(k, 10, 2)) for k in (0, 1)]
    stack = Batches([source, *halves], 5, False, torch.device("cpu"))
    order = stack.order(2, False, torch.Generator())
    assert order.tolist() == [1, 3, 5, 7, 9]
    # the numbers of all networks' rows are those of the one table
    assert [stack.order(n, False, torch.Generator()).max() for n in range(2)] == [9, 8]
