"""Runs do not meet in the files that their callbacks write, and the refit's are the user's."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from sklearn.metrics import check_scoring
from sklearn.model_selection import KFold
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, LoadInitState, TrainEndCheckpoint

from sktune.candidates import Failure
from sktune.nets.randomness import Randomness
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.files import shared_paths
from sktune.runs.run import finished_net
from sktune.runs.snapshot import thaw
from sktune.runs.solo import advance
from sktune.trainers import SoloTrainer, StackedTrainer
from tests.user_nets import Memory, classifier, same_bits

# The labels are noise: of a held-out row nothing can be known, but by another fold's weights.
N_ROWS = 40
X = np.arange(N_ROWS, dtype=np.float32)[:, None]
Y = np.random.default_rng(0).integers(0, 2, N_ROWS)
FOLDS = [
    PreparedFold(Part(X[train], Y[train]), Part(X[valid], Y[valid]))
    for train, valid in KFold(2, shuffle=True, random_state=0).split(X)
]
ALL = PreparedFold(Part(X, Y))
RATES = ({"lr": 0.3}, {"lr": 0.2})
EPOCHS = 5
TRAINERS = {"alone": SoloTrainer(), "stacked": StackedTrainer()}


def best(folder, **settings):
    settings = {"monitor": "train_loss_best", "load_best": True, **settings}
    return Checkpoint(dirname=str(folder), **settings)


def loading(checkpoint):
    return [checkpoint, LoadInitState(checkpoint)]


CALLBACKS = {
    "the best": lambda folder: [best(folder)],
    "the best, in a list of names": lambda folder: [("keep", best(folder))],
    "each epoch": lambda folder: [Checkpoint(monitor=None, dirname=str(folder))],
    "the end": lambda folder: [TrainEndCheckpoint(dirname=str(folder))],
    "the end, to begin with": lambda folder: loading(TrainEndCheckpoint(dirname=str(folder))),
    "the best, to begin with": lambda folder: loading(best(folder)),
    "loaded first": lambda folder: loading(best(folder))[::-1],
    "two": lambda folder: [best(folder / "a"), best(folder / "b", load_best=False)],
    "two in one directory": lambda folder: [best(folder), TrainEndCheckpoint(dirname=str(folder))],
    "a name for each epoch": lambda folder: [
        best(folder, f_params="params-{last_epoch[epoch]}.pt", load_best=False)
    ],
    "only the weights": lambda folder: [
        best(folder, f_optimizer=None, f_criterion=None, f_history=None)
    ],
    "the whole net": lambda folder: [TrainEndCheckpoint(dirname=str(folder), f_pickle="net.pkl")],
    "with early stopping": lambda folder: [
        best(folder),
        EarlyStopping(monitor="train_loss", patience=2, threshold=0.3),
    ],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The user's directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "checkpoints"


def net_of(callbacks, **settings):
    settings = {"optimizer": torch.optim.Adam, "module__n_rows": N_ROWS, **settings}
    return classifier(Memory, callbacks=callbacks, **settings)


def setup_of(net, **settings):
    return Setup(net, check_scoring(net), horizon=EPOCHS, classes=np.unique(Y), **settings)


def climbed(trainer, net, rungs, **settings):
    setup, snapshots = setup_of(net, **settings), [None] * len(FOLDS) * len(RATES)
    for rung in rungs:
        jobs = [
            AdvanceJob(setup, params, fold, rung, 7 + k, snapshots[len(RATES) * k + i])
            for k, fold in enumerate(FOLDS)
            for i, params in enumerate(RATES)
        ]
        outcomes = trainer.advance(jobs)
        snapshots = [outcome.snapshot for outcome in outcomes]
    return outcomes


@cache
def plain_scores(name):
    """Return the scores of plain skorch, with a directory for each network."""
    scores = []
    for k, fold in enumerate(FOLDS):
        for params in RATES:
            with TemporaryDirectory() as folder, Randomness(7 + k).turn():
                net = net_of(CALLBACKS[name](Path(folder))).set_params(max_epochs=EPOCHS, **params)
                net.fit(fold.train.X, fold.train.y)
            scores.append(net.score(fold.valid.X, fold.valid.y))
    return scores


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("way", "rungs"), [("alone", [1, 3, 5]), ("stacked", [5]), ("stacked", [2, 5])], ids=str
)
@pytest.mark.parametrize("name", CALLBACKS)
def test_networks_do_not_meet(name, way, rungs, folder):
    outcomes = climbed(TRAINERS[way], net_of(CALLBACKS[name](folder)), rungs)
    scores = [outcome.score for outcome in outcomes]
    assert np.mean(scores) < 0.7
    assert scores == plain_scores(name)
    assert files_in(folder) == []
    assert {o.stack_size for o in outcomes} == ({1} if way == "alone" else {len(outcomes)})


def test_absolute_names_are_taken_along(folder, tmp_path):
    path = tmp_path / "elsewhere" / "params.pt"
    path.parent.mkdir()

    def make(folder):
        return [best("", f_params=str(path), f_history=None, f_optimizer=None, f_criterion=None)]

    outcomes = climbed(StackedTrainer(), net_of(make(folder)), [3, 5])
    assert np.mean([outcome.score for outcome in outcomes]) < 0.7
    assert not path.exists()


@pytest.mark.parametrize("way", TRAINERS)
def test_weights_to_start_from_stay_where_they_are(way, folder):
    before = best(folder, load_best=False)
    torch.manual_seed(0)
    pretrained = net_of([before], max_epochs=2).fit(X, Y)
    files = {name: (folder / name).read_bytes() for name in files_in(folder)}
    outcomes = climbed(TRAINERS[way], net_of([LoadInitState(best(folder))], lr=0.0), [1])
    for outcome in outcomes[:1]:
        net = thaw(outcome.snapshot).net
        assert len(net.history) == len(pretrained.history) + 1  # it goes on from there
    assert files == {name: (folder / name).read_bytes() for name in files_in(folder)}


class TestTheRefit:
    @pytest.mark.parametrize("name", CALLBACKS)
    def test_its_files_are_where_plain_skorch_puts_them(self, name, folder, tmp_path):
        net = net_of(CALLBACKS[name](folder))
        setup, snapshot = setup_of(net), None
        for rung in (2, 5):
            snapshot = advance(AdvanceJob(setup, {}, ALL, rung, 7, snapshot)).snapshot
            assert files_in(folder) == []
        found = finished_net(setup, ALL, snapshot)
        plain = net_of(CALLBACKS[name](tmp_path / "plain")).set_params(max_epochs=EPOCHS)
        with Randomness(7).turn():
            plain.fit(X, Y)
        assert same_bits(found, plain)
        assert files_in(folder) == files_in(tmp_path / "plain")

    def test_they_are_those_of_the_net(self, folder):
        net = net_of([TrainEndCheckpoint(dirname=str(folder))])
        setup = setup_of(net)
        found = finished_net(setup, ALL, advance(AdvanceJob(setup, {}, ALL, 5, 7)).snapshot)
        again = net.initialize()
        again.load_params(
            checkpoint=TrainEndCheckpoint(dirname=str(folder)).initialize().checkpoint_
        )
        assert same_bits(again, found)
        assert len(again.history) == 5

    def test_a_folds_net_leaves_none(self, folder):
        net = net_of([best(folder), TrainEndCheckpoint(dirname=str(folder))])
        setup, fold = setup_of(net), FOLDS[0]
        finished_net(setup, fold, advance(AdvanceJob(setup, {}, fold, 3, 7)).snapshot)
        assert files_in(folder) == []


class Breaks(Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2 and net.lr > 0.25:
            raise RuntimeError("no more")


class TestFolders:
    @pytest.mark.parametrize("way", TRAINERS)
    def test_none_is_left(self, way, folder, tmp_path):
        worker = tmp_path / "worker"
        worker.mkdir()
        net = net_of([best(folder), Breaks()])
        setup = replace(setup_of(net), worker_folder=worker)
        jobs = [AdvanceJob(setup, p, fold, 3, 7) for p in RATES for fold in FOLDS]
        outcomes = TRAINERS[way].advance(jobs)
        assert [isinstance(o, Failure) for o in outcomes] == [True] * 2 + [False] * 2
        assert not list(worker.glob("sktune-*"))
        # After the search the directory of its workers is gone.
        worker.rmdir()
        finished_net(setup, FOLDS[-1], outcomes[-1].snapshot)

    @pytest.mark.parametrize("way", TRAINERS)
    def test_callbacks_have_the_users_settings_again(self, way, folder):
        net = net_of([best(folder, f_params="{last_epoch[epoch]}.pt", load_best=False)])
        for outcome in climbed(TRAINERS[way], net, [2]):
            callback = dict(thaw(outcome.snapshot).net.callbacks_)["Checkpoint"]
            assert callback.f_params == "{last_epoch[epoch]}.pt"
        setup = setup_of(net)
        found = finished_net(setup, ALL, advance(AdvanceJob(setup, {}, ALL, 2, 7)).snapshot)
        assert dict(found.callbacks_)["Checkpoint"].dirname == str(folder)


class Writes(Callback):
    def __init__(self, **settings):
        vars(self).update(settings)


class TestSharedPaths:
    @pytest.mark.parametrize(
        ("settings", "named"),
        [
            ({"log_file": "log.txt"}, "log_file='log.txt'"),
            ({"path": "here"}, "path='here'"),
            ({"dirname": "runs"}, "dirname='runs'"),
            ({"folder": Path("runs")}, "folder='runs'"),
            ({"target": Path("log")}, "target='log'"),
            ({"where": "runs/log"}, "where='runs/log'"),
            ({"OutputDir": "runs"}, "OutputDir='runs'"),
        ],
    )
    def test_a_path_of_a_callback_of_the_users_is_named(self, settings, named):
        for callback in (Writes(**settings), ("mine", Writes(**settings))):
            (line,) = shared_paths(classifier(callbacks=[callback]))
            assert line.startswith(f"The callback Writes has {named}, which all networks")
            assert "make a file of its own" in line

    @pytest.mark.parametrize(
        "settings",
        [{"monitor": "loss"}, {"path": None}, {"file": ""}, {"n_files": 3}, {"path": ["a"]}, {}],
        ids=str,
    )
    def test_what_is_no_path_is_not(self, settings):
        assert not list(shared_paths(classifier(callbacks=[Writes(**settings)])))

    @pytest.mark.parametrize(
        "callbacks",
        [None, [], "disable", [Checkpoint(dirname="x")], [TrainEndCheckpoint()]],
        ids=["none", "empty", "disable", "checkpoint", "at the end"],
    )
    def test_nothing_is_said_of_skorchs(self, callbacks):
        assert not list(shared_paths(classifier(callbacks=callbacks)))

    def test_each_of_several_is_named(self):
        net = classifier(callbacks=[Writes(path="a", file="b"), ("two", Writes(path="c"))])
        found = [re.findall(r"='(\w)'", line)[0] for line in shared_paths(net)]
        assert found == ["a", "b", "c"]
