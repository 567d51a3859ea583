"""The parts of a stack against what torch does for one network."""

import copy
from itertools import chain

import numpy as np
import pytest
import torch
from skorch.callbacks import LRScheduler
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Subset

from sktune.nets.batches import TableDataset, batches
from sktune.nets.module import ConvNet
from sktune.nets.rates import Cosine
from sktune.trainers.stacking.batches import Batches, Table, epoch_order, table_of
from sktune.trainers.stacking.calls import Eager, Tape
from sktune.trainers.stacking.dropout import mask_dropout
from sktune.trainers.stacking.kinship import canonical, skeleton
from sktune.trainers.stacking.layered import Steps, UnknownStepError
from sktune.trainers.stacking.layers import Dropout, Pass
from sktune.trainers.stacking.schedules import epoch_rates
from sktune.trainers.stacking.updates import ELEMENTWISE, StackedOptimizer, shared_settings
from sktune.trainers.stacking.weights import StackedWeights
from tests.user_nets import Perceptron, classifier


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


def test_only_plain_arrays_are_tables():
    dataset = TableDataset(np.zeros((4, 2)), np.arange(4), np.ones(4))
    assert len(table_of(dataset, 0).targets) == 2
    assert len(table_of(Subset(dataset, [0, 2]), 0)) == 2
    assert table_of(Rows(4), 0) is None


@pytest.mark.parametrize("settings", [{}, {"weight_decay": 0.1}])
@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_every_optimizer_with_rates_of_its_own(kind, settings):
    torch.manual_seed(0)
    rates = [1e-3, 1e-2, 3e-2]
    modules = [nn.Linear(3, 2) for _ in rates]
    twins = [nn.Linear(3, 2) for _ in rates]
    for module, twin in zip(modules, twins, strict=True):
        twin.load_state_dict(module.state_dict())
    decays = [settings.get("weight_decay", 0.0) * k for k in range(3)]

    def optimizers(of):
        return [
            kind(m.parameters(), lr=lr, weight_decay=wd)
            for m, lr, wd in zip(of, rates, decays, strict=True)
        ]

    plain, own = optimizers(twins), optimizers(modules)
    # some steps alone first, so that there is a state to take over
    for step in range(30):
        if step in (5, 20):
            stack = StackedWeights(modules)
            stacked = StackedOptimizer(own, stack)
        gradients = [[torch.randn_like(p) for p in twin.parameters()] for twin in twins]
        for optimizer, twin, parts in zip(plain, twins, gradients, strict=True):
            for parameter, gradient in zip(twin.parameters(), parts, strict=True):
                parameter.grad = gradient.clone()
            optimizer.step()
        if step < 5:
            for optimizer, module, parts in zip(own, modules, gradients, strict=True):
                for parameter, gradient in zip(module.parameters(), parts, strict=True):
                    parameter.grad = gradient.clone()
                optimizer.step()
            continue
        flat = torch.zeros_like(stack.flat)
        for row, parts in enumerate(gradients):
            flat[row, : stack.n_weights] = torch.cat([part.reshape(-1) for part in parts])
        lr = torch.tensor(rates)[:, None]
        decay = torch.tensor(decays)[:, None] if any(decays) else None
        stacked.step(flat, lr, decay, {})
        if step == 19:
            for row in range(3):
                stacked.settle(row)
    for module, twin in zip(modules, twins, strict=True):
        for one, other in zip(module.parameters(), twin.parameters(), strict=True):
            assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)


def test_shared_settings_leave_out_what_is_each_networks_own():
    parameter = [nn.Parameter(torch.zeros(2))]
    one, other = (torch.optim.AdamW(parameter, lr=lr, weight_decay=lr) for lr in (0.1, 0.2))
    assert shared_settings(one) == shared_settings(other)
    third = torch.optim.AdamW(parameter, lr=0.1, betas=(0.8, 0.9))
    assert shared_settings(one) != shared_settings(third)


SCHEDULES = {
    "lambda": (lr_scheduler.LambdaLR, {"lr_lambda": Cosine(20)}),
    "cyclic": (lr_scheduler.CyclicLR, {"base_lr": 1e-3, "max_lr": 1e-2, "step_size_up": 5}),
    "onecycle": (lr_scheduler.OneCycleLR, {"max_lr": 0.1, "total_steps": 40}),
    "step": (lr_scheduler.StepLR, {"step_size": 3}),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_those_of_torchs_scheduler(name):
    policy, settings = SCHEDULES[name]

    def net():
        callbacks = [("lr", LRScheduler(policy, step_every="batch", **settings))]
        made = classifier(
            callbacks=callbacks, optimizer=torch.optim.SGD, optimizer__momentum=0.9
        ).initialize()
        made.notify("on_train_begin", X=None, y=None)
        made.optimizer_._opt_called = True
        return made, dict(made.callbacks_)["lr"]

    (one, schedule), (other, real) = net(), net()
    for _ in range(3):
        found = epoch_rates(one, 7)
        for step in range(7):
            group = other.optimizer_.param_groups[0]
            assert found.rates[step] == group["lr"] == found.events["event_lr"][step]
            assert found.momenta[step]["momentum"] == group["momentum"]
            real.lr_scheduler_.step()
    mine, theirs = schedule.lr_scheduler_.state_dict(), real.lr_scheduler_.state_dict()
    assert mine.keys() == theirs.keys()
    for key in mine:
        if "lambda" not in key and "func" not in key:
            assert mine[key] == theirs[key], key
    assert one.optimizer_.param_groups[0]["lr"] == other.optimizer_.param_groups[0]["lr"]
    assert schedule.batch_idx_ == 21


def norms(width):
    return nn.BatchNorm1d(width), nn.LayerNorm(width), nn.Identity(), nn.Dropout(0.0)


LAYERS = {
    "activations": nn.Sequential(
        *[nn.Linear(4, 4), nn.ReLU(), nn.GELU("tanh"), nn.SiLU(), nn.ELU(0.7), nn.Tanh()],
        *[nn.LeakyReLU(0.2), nn.Sigmoid(), nn.Softplus(), nn.Mish(), nn.Softmax(dim=1)],
    ),
    "norms": nn.Sequential(nn.Linear(4, 6), *norms(6)[:3], nn.Linear(6, 2, bias=False)),
    "convolutions": nn.Sequential(
        *[nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 4, 3, padding=1), nn.AvgPool1d(2)],
        *[nn.Conv1d(4, 4, 1, groups=2, dilation=1), nn.Flatten(), nn.Linear(8, 3)],
    ),
    "images": nn.Sequential(
        nn.Unflatten(1, (1, 2, 2)),
        ConvNet(
            (1, 2, 2), 3, 2, 2, kernel_size=3, dropout=0, activation="relu", normalization="batch"
        ),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_and_their_gradients_are_those_of_autograd(name):
    torch.manual_seed(0)
    modules = []
    for _ in range(3):
        other = copy.deepcopy(LAYERS[name])
        for parameter in other.parameters():
            nn.init.normal_(parameter, std=0.5)
        modules.append(other)
    twins = copy.deepcopy(modules)
    X = torch.randn(3, 7, 4)
    stack = StackedWeights(modules)
    masked = copy.deepcopy(twins[0])
    mask_dropout(masked)
    steps = {training: Steps(masked, training) for training in (True, False)}
    alone = [twin.train(False)(x) for twin, x in zip(twins, X, strict=True)]
    with torch.no_grad():
        run = Pass(Eager(), stack.weights, stack.buffers, False, [])
        outputs = steps[False].forward(run, X)
    assert torch.allclose(outputs, torch.stack(alone), atol=1e-5)
    tape, gradient = Tape(), torch.empty_like(outputs)
    for played in range(3):
        # what is played has to heed new rows, weights and gradients
        X.normal_()
        gradient.normal_()
        with torch.no_grad():
            stack.flat.mul_(0.9)
            for twin in twins:
                for parameter in twin.parameters():
                    parameter.mul_(0.9)
            if not played:
                run = Pass(tape, stack.weights, stack.buffers, True, [torch.ones(3, 7, 4)])
                outputs = steps[True].forward(run, X)
                steps[True].backward(run, gradient)
            else:
                tape.play()
        for row, twin in enumerate(twins):
            twin.zero_grad()
            output = twin.train(True)(X[row])
            assert torch.allclose(outputs[row], output, atol=1e-5)
            output.backward(gradient[row])
            for key, parameter in twin.named_parameters():
                assert torch.allclose(run.gradients[key][row], parameter.grad, atol=1e-4), key
            for key, buffer in twin.named_buffers():
                own = stack.buffers[key][row]
                assert torch.allclose(own.float(), buffer.float(), atol=1e-5), key


def test_dropout_on_a_tape_heeds_the_latest_masks():
    tape, masks = Tape(), [torch.ones(2, 3, 4)]
    run, layer = Pass(tape, {}, {}, True, masks), Dropout()
    y = layer.forward(run, torch.ones(2, 3, 4))
    (gradient,) = layer.backward(run, torch.ones(2, 3, 4))
    masks[:] = [torch.rand(2, 3, 4)]
    tape.play()
    assert torch.equal(y, masks[0])
    assert torch.equal(gradient, masks[0])


class TwoInputs(nn.Module):
    def forward(self, X, Z):
        return X + Z


class OwnTensor(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, X):
        return X * 2 if self.seen > 3 else X


class Scaled(nn.Module):
    def forward(self, X):
        return X * 2


@pytest.mark.parametrize("module", [TwoInputs(), OwnTensor(), Scaled(), nn.LSTM(2, 2)])
def test_other_steps_are_not_guessed_at(module):
    with pytest.raises(UnknownStepError):
        Steps(module, training=True)


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
