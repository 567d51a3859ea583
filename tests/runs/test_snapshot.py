"""Snapshots carry all of a run: parametrised modules go on to the bit, what cannot is named."""

import copy
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.metrics import check_scoring
from skorch.callbacks import Callback, EpochScoring
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from sktune.exceptions import InvalidSettingsError
from sktune.nets.randomness import Randomness
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.adapt import adapted
from sktune.runs.run import finished_net
from sktune.runs.snapshot import RunState, freeze, thaw
from sktune.runs.solo import advance
from sktune.trainers import SoloTrainer, StackedTrainer
from tests.user_nets import classifier, same_bits

X, Y = (part[::3] for part in load_iris(return_X_y=True))
X = X.astype(np.float32)
FOLD = PreparedFold(Part(X, Y), Part(X, Y))
TRAINERS = {"alone": SoloTrainer(), "stacked": StackedTrainer()}


class Symmetric(nn.Module):
    """A parametrisation of the user's."""

    def forward(self, weight):
        return weight.triu() + weight.triu(1).transpose(-1, -2)


class Scaled(nn.Module):
    """One with a weight of its own."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(1.5))

    def forward(self, weight):
        return weight * self.factor


def linear(n_in=8, n_out=8):
    return nn.Linear(n_in, n_out)


def symmetric():
    return parametrize.register_parametrization(linear(), "weight", Symmetric())


def scaled():
    layer = symmetric()
    return parametrize.register_parametrization(layer, "weight", Scaled())


def of_weight_and_bias():
    layer = parametrizations.weight_norm(linear())
    return parametrize.register_parametrization(layer, "bias", Scaled())


def within():
    """Return a parametrised layer in a module of a class of the user's, deeper down."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.ModuleDict({"layer": parametrizations.weight_norm(linear())})

        def forward(self, X):
            return self.inner["layer"](X) + X

    return Block()


LAYERS = {
    "weight norm": lambda: parametrizations.weight_norm(linear()),
    "weight norm of rows": lambda: parametrizations.weight_norm(linear(), dim=None),
    "spectral norm": lambda: parametrizations.spectral_norm(linear()),
    "orthogonal": lambda: parametrizations.orthogonal(linear()),
    "orthogonal by Cayley": lambda: parametrizations.orthogonal(linear(), orthogonal_map="cayley"),
    "orthogonal by Householder": lambda: parametrizations.orthogonal(
        linear(8, 4), orthogonal_map="householder"
    ),
    "of the user's": symmetric,
    "two of one weight": scaled,
    "of weight and bias": of_weight_and_bias,
    "within": within,
}


class Net(nn.Module):
    def __init__(self, layer="weight norm"):
        super().__init__()
        middle = LAYERS[layer]()
        n_out = getattr(middle, "out_features", 8)
        self.layers = nn.Sequential(nn.Linear(4, 8), middle, nn.Tanh(), nn.Linear(n_out, 3))

    def forward(self, X):
        return self.layers(X)


def net_of(layer, **settings):
    return classifier(Net, module__layer=layer, **settings)


def setup_of(net):
    return Setup(net, check_scoring(net), horizon=5, classes=np.unique(Y))


def climbed(trainer, net, rungs):
    """Return two networks that were frozen and thawed at each rung."""
    setup, snapshots = setup_of(net), [None] * 2
    for rung in rungs:
        jobs = [AdvanceJob(setup, {}, FOLD, rung, 7 + k, s) for k, s in enumerate(snapshots)]
        outcomes = trainer.advance(jobs)
        snapshots = [outcome.snapshot for outcome in outcomes]
    return [finished_net(setup, FOLD, snapshot) for snapshot in snapshots]


def plain(net, seed=7, epochs=5):
    with Randomness(seed).turn():
        return net.set_params(max_epochs=epochs).fit(X, Y)


def thawed(net):
    return thaw(freeze(RunState(net, Randomness(0)))).net


class TestParametrisedModules:
    @pytest.mark.parametrize("way", TRAINERS)
    @pytest.mark.parametrize("name", LAYERS)
    def test_two_epochs_and_three_are_five(self, name, way):
        straight = climbed(TRAINERS[way], net_of(name), [5])
        stepped = climbed(TRAINERS[way], net_of(name), [2, 5])
        for one, other in zip(straight, stepped, strict=True):
            assert same_bits(one, other)
            assert np.array_equal(one.predict_proba(X), other.predict_proba(X))
        expected = plain(net_of(name))
        assert way == "stacked" or same_bits(straight[0], expected)
        assert np.allclose(straight[0].predict_proba(X), expected.predict_proba(X), atol=1e-4)

    @pytest.mark.parametrize("name", LAYERS)
    def test_a_thawed_module_is_what_it_was(self, name):
        net = plain(net_of(name), epochs=1)
        again = thawed(net)
        assert again.module_.state_dict().keys() == net.module_.state_dict().keys()
        assert repr(again.module_) == repr(net.module_)
        expected = net.forward(X)
        assert torch.equal(again.forward(X), expected)
        module = copy.deepcopy(again.module_).eval()
        assert torch.allclose(module(torch.from_numpy(X)), expected, atol=1e-6)
        assert same_bits(thawed(again), net)

    def test_its_parametrisation_can_be_taken_away(self):
        net = thawed(plain(net_of("weight norm"), epochs=1))
        before = net.predict_proba(X)
        parametrize.remove_parametrizations(net.module_.layers[1], "weight")
        assert np.allclose(net.predict_proba(X), before)
        assert type(net.module_.layers[1]) is nn.Linear

    def test_another_process_reads_it(self, tmp_path):
        net = plain(net_of("two of one weight"), epochs=1)
        (tmp_path / "run").write_bytes(freeze(RunState(net, Randomness(0))))
        code = (
            "import sys; from pathlib import Path; from sktune.runs.snapshot import thaw;"
            "net = thaw(Path(sys.argv[1]).read_bytes()).net;"
            "print(net.module_.layers[1].weight.sum().item())"
        )
        command = [sys.executable, "-c", code, tmp_path / "run"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert float(done.stdout) == net.module_.layers[1].weight.sum().item()


class TestTensors:
    def test_what_else_a_weight_has_is_kept(self):
        net = plain(classifier(), epochs=1)
        first, second, *_ = net.module_.parameters()
        first.requires_grad_(False)
        second.grad = torch.ones_like(second)
        one, other, *_ = thawed(net).module_.parameters()
        assert not one.requires_grad
        assert torch.equal(other.grad, torch.ones_like(second))

    def test_weights_that_are_shared_stay_shared(self):
        class Tied(nn.Module):
            def __init__(self):
                super().__init__()
                self.first, self.second, self.last = linear(4, 4), linear(4, 4), linear(4, 3)
                self.second.weight = self.first.weight

            def forward(self, X):
                return self.last(self.second(self.first(X)))

        module = thawed(plain(classifier(Tied), epochs=1)).module_
        assert module.first.weight is module.second.weight

    def test_the_optimiser_steps_the_weights_of_the_module(self):
        net = thawed(plain(net_of("weight norm"), epochs=1))
        held = {id(p) for group in net.optimizer_.param_groups for p in group["params"]}
        assert held == {id(p) for p in net.module_.parameters()}

    def test_rows_are_not_among_it(self):
        sizes = []
        for n_times in (1, 20):
            rows, y = np.tile(X, (n_times, 1)), np.tile(Y, n_times)
            net = classifier(callbacks=[EpochScoring("accuracy", on_train=True)], batch_size=-1)
            fold = PreparedFold(Part(rows, y), Part(X, Y))
            sizes.append(len(advance(AdvanceJob(setup_of(net), {}, fold, 2, 7)).snapshot))
        assert sizes[1] < sizes[0] + len(X) * 40


FILES = ExitStack()


@pytest.fixture(autouse=True, scope="module")
def files_are_closed():
    with FILES:
        yield


def open_file():
    return FILES.enter_context(tempfile.TemporaryFile("w"))


class Holds(Callback):
    """It holds what it is told to make."""

    def __init__(self, make=None, name="held_"):
        self.make, self.name = make, name

    def initialize(self):
        setattr(self, self.name, self.make())
        return self


class Log(Callback):
    """It opens its file when it is used, and leaves it out of pickles."""

    def initialize(self):
        self.file_ = None
        return self

    def on_epoch_end(self, net, **kwargs):
        self.file_ = self.file_ or open_file()
        self.file_.write("an epoch\n")

    def on_train_end(self, net, **kwargs):
        if self.file_:
            self.file_.close()

    def __getstate__(self):
        return {**vars(self), "file_": None}


def thread():
    return threading.Thread(target=print)


def generator():
    return iter(name for name in "ab")


def lock_in_a_list():
    return [threading.Lock()]


class TestWhatCannotBeCarried:
    @pytest.mark.parametrize(
        ("make", "kind"),
        [
            (open_file, "TextIOWrapper|_TemporaryFileWrapper"),
            (thread, "Thread"),
            (threading.Lock, "lock"),
            (generator, "generator"),
            (lock_in_a_list, "list"),
        ],
    )
    def test_of_a_callback_it_is_named_with_the_way_out(self, make, kind):
        net = adapted(classifier(callbacks=[Holds(make)])).initialize()
        said = rf"the callback Holds has `held_`, an? ({kind}) .*__getstate__"
        with pytest.raises(InvalidSettingsError, match=said):
            freeze(RunState(net, Randomness(0)))

    def test_all_of_it_at_once(self):
        callbacks = [("one", Holds(generator, "a")), ("two", Holds(generator, "b"))]
        net = adapted(classifier(callbacks=callbacks)).initialize()
        net.lock = threading.Lock()
        with pytest.raises(InvalidSettingsError) as caught:
            freeze(RunState(net, Randomness(0)))
        for named in ("Holds has `a`", "Holds has `b`", "the net has `lock`, a lock"):
            assert named in str(caught.value)

    def test_a_callback_that_leaves_it_out_is_carried(self):
        net = classifier(callbacks=[Log()])
        assert same_bits(climbed(SoloTrainer(), net, [2, 5])[0], plain(classifier()))

    def test_other_errors_are_passed_on(self):
        class Fails:
            def __reduce_ex__(self, protocol):
                raise RuntimeError("not this one")

        state = RunState(adapted(classifier()).initialize(), Randomness(0))
        state.randomness.held = Fails()
        with pytest.raises(RuntimeError, match="not this one"):
            freeze(state)
