"""A user's net trains as plain skorch trains it, and answers like any net of the user's class."""

import io
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, check_scoring, r2_score
from sklearn.model_selection import cross_val_score
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.callbacks import LoadInitState, TrainEndCheckpoint
from skorch.dataset import Dataset
from torch.utils.data import DataLoader

from sktune import MLPClassifier
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.adapt import AnsweringNet, adapted, answering, class_for, is_raw
from sktune.runs.rows import ArrayDataset
from sktune.runs.run import finished_net
from sktune.runs.solo import advance
from tests.user_nets import Perceptron, classifier, regressor, same_bits

X, Y = load_iris(return_X_y=True)
X32 = X.astype(np.float32)
NAMES = np.array(["setosa", "versicolor", "virginica"])


class Files(Dataset):
    """A data set of the user's own: rows are what it makes of them."""

    def transform(self, X, y):
        return torch.full((4,), float(X)), torch.tensor(0 if y is None else int(y))


class Mine(NeuralNetClassifier):
    """A class of the user's."""


class OwnScore(NeuralNetClassifier):
    def score(self, X, y):
        return 0.25


class OwnFit(NeuralNetClassifier):
    def fit(self, X, y=None, **params):
        return super().fit(X.astype(np.float32), y, **params)


def of_class(kind, **settings):
    """Return a net of a class with the settings of the tests' classifier."""
    found = classifier(**settings).get_params(deep=False)
    return kind(**{name: value for name, value in found.items() if name[0] != "_"})


def trained(net, X, y, epochs=9, classes=None):
    """Return a net as the search gives it back."""
    classes = np.unique(y) if classes is None else classes
    setup = Setup(net, check_scoring(net), horizon=epochs, classes=classes)
    fold = PreparedFold(Part(X, y))
    return finished_net(setup, fold, advance(AdvanceJob(setup, {}, fold, epochs, 7)).snapshot)


@pytest.fixture(scope="module")
def named():
    """A net that was trained on names of classes, in double precision."""
    return trained(of_class(Mine, lr=0.05), X, NAMES[Y], epochs=20)


def fitted(net, X=X32, y=Y):
    torch.manual_seed(0)
    return net.fit(X, y)


class TestTraining:
    @pytest.mark.parametrize(
        "settings",
        [
            {"module__dropout": 0.3},
            {"iterator_train__drop_last": True},
            {"iterator_train__shuffle": False},
            {"iterator_train__batch_size": 40, "iterator_valid__batch_size": 7},
            {"batch_size": -1},
            {"train_split": classifier().train_split, "iterator_train__num_workers": 0},
        ],
        ids=lambda settings: "-".join(settings),
    )
    def test_fast_batches_change_no_bit(self, settings):
        plain, ours = (fitted(make(classifier(**settings))) for make in (clone, adapted))
        assert same_bits(plain, ours)
        assert plain.history[:, "train_loss"] == ours.history[:, "train_loss"]
        assert np.array_equal(plain.predict_proba(X32), ours.predict_proba(X32))

    def test_whole_batches_are_asked_for(self, monkeypatch):
        asked = []
        fetch = ArrayDataset.__getitem__

        def noted(dataset, rows):
            asked.append(rows)
            return fetch(dataset, rows)

        monkeypatch.setattr(ArrayDataset, "__getitem__", noted)
        adapted(classifier(max_epochs=1)).fit(X32, Y)
        assert [len(rows) for rows in asked] == [16] * 9 + [6]

    def test_double_precision_is_brought_to_the_modules(self):
        net = adapted(classifier(max_epochs=1)).fit(X, Y)
        assert net.predict_proba(X).dtype == np.float32

    def test_the_callers_net_is_left_as_it_is(self):
        net = classifier()
        assert type(adapted(net)) is class_for(NeuralNetClassifier, type(adapted(net)).role_)
        assert type(net) is NeuralNetClassifier
        assert not net.initialized_


class TestWhatAUserMadeIsKept:
    def test_a_data_set(self):
        net = adapted(classifier(dataset=Files)).initialize()
        names = np.arange(20).astype(str)
        dataset = net.get_dataset(names, Y[:20])
        assert type(dataset) is Files
        assert dataset.X is names
        assert same_bits(*(fitted(make(net), names, Y[:20]) for make in (clone, adapted)))

    def test_a_method_that_makes_data_sets(self):
        class Doubles(NeuralNetClassifier):
            def get_dataset(self, X, y=None):
                return super().get_dataset(2 * X, y)

        plain, ours = (fitted(make(of_class(Doubles))) for make in (clone, adapted))
        assert same_bits(plain, ours)

    def test_an_iterator(self):
        class Loader(DataLoader):
            pass

        net = adapted(classifier(iterator_train=Loader)).initialize()
        dataset = net.get_dataset(X32, Y)
        assert type(net.get_iterator(dataset, training=True)) is Loader
        assert type(net.get_iterator(dataset, training=False)) is DataLoader

    def test_a_method_that_makes_iterators(self):
        class Backwards(NeuralNetClassifier):
            def get_iterator(self, dataset, training=False):
                return list(super().get_iterator(dataset, training))[::-1]

        plain, ours = (fitted(make(of_class(Backwards))) for make in (clone, adapted))
        assert same_bits(plain, ours)

    @pytest.mark.parametrize("name", ["num_workers", "collate_fn", "pin_memory", "sampler"])
    def test_a_setting_of_the_loader_keeps_torchs(self, name):
        value = torch.utils.data.default_collate if name == "collate_fn" else None
        value = 0 if name == "num_workers" else value
        net = classifier(**{"iterator_train__shuffle": False, f"iterator_train__{name}": value})
        net = adapted(net).initialize()
        loader = net.get_iterator(net.get_dataset(X32, Y), training=True)
        assert loader.batch_size == 16  # of torch's own way: ours asks for whole batches

    def test_our_own_nets(self):
        ours = MLPClassifier(width=3)
        assert repr(adapted(ours)) == repr(clone(ours))
        assert not is_raw(ours)
        assert answering(ours) is ours

    def test_a_net_that_fits_itself_answers_itself(self):
        net = adapted(of_class(OwnFit, max_epochs=2)).fit(X, Y)
        assert answering(net) is net
        assert clone(net).fit(X, Y).score(X, Y) == pytest.approx(net.score(X, Y), abs=0.6)


def test_a_checkpoint_that_is_loaded_is_the_one_that_is_written(tmp_path):
    """Cloning a net copies both, and plain skorch then looks for what nobody has initialised."""
    written = TrainEndCheckpoint(dirname=str(tmp_path))
    other = TrainEndCheckpoint(dirname=str(tmp_path), fn_prefix="other_")
    callbacks = [other, written, ("load", LoadInitState(written))]
    net = adapted(classifier(callbacks=callbacks, max_epochs=2)).fit(X, Y)
    found = dict(net.callbacks_)
    assert found["load"].checkpoint is found["TrainEndCheckpoint_2"]
    assert len(adapted(classifier(callbacks=callbacks, max_epochs=2)).fit(X, Y).history) == 4


class TestClasses:
    def test_one_that_a_fold_lacks_is_known(self):
        net = trained(classifier(), X32[:100], Y[:100], 1, classes=np.unique(Y))
        assert net.classes_.tolist() == [0, 1, 2]

    def test_those_that_the_user_gave_are_kept(self):
        kept = classifier(module__n_out=4, classes=[0, 1, 2, 3])
        assert trained(kept, X32, Y, 1).classes_.tolist() == [0, 1, 2, 3]
        # Numbers that are no labels of the targets say nothing about these.
        coded = classifier(classes=[0, 1, 2])
        assert trained(coded, X32, NAMES[Y], 1).classes_.tolist() == NAMES.tolist()

    @pytest.mark.parametrize("names", [NAMES, np.array([7, 5, 9]), NAMES.astype(object)])
    def test_labels_are_read_back(self, names):
        net = trained(classifier(lr=0.05), X32, names[Y], epochs=20)
        assert net.classes_.tolist() == sorted(names.tolist())
        assert net.predict_proba(X32).shape == (150, 3)
        assert net.predict(X32).dtype == names.dtype
        assert net.score(X32, names[Y]) == accuracy_score(names[Y], net.predict(X32)) > 0.9

    def test_two_of_a_binary_classifier(self):
        class Flat(Perceptron):
            def forward(self, X):
                return super().forward(X)[:, 0]

        settings = {"optimizer": torch.optim.AdamW, "lr": 0.05, "train_split": None, "verbose": 0}
        net = NeuralNetBinaryClassifier(Flat, module__n_out=1, **settings)
        net = trained(net, X, Y == 0, epochs=20)
        assert check_scoring(net, "roc_auc")(net, X, Y == 0) > 0.9
        assert net.predict(X).dtype == bool
        assert net.classes_.tolist() == [False, True]
        assert net.score(X, Y == 0) > 0.9


SCORERS = ("accuracy", "balanced_accuracy", "f1", "roc_auc", "average_precision", "neg_log_loss")


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize(
    "labels", [Y > 0, (Y > 0).astype(int), np.where(Y > 0, 1, -1)], ids=["bools", "codes", "signs"]
)
@pytest.mark.parametrize("kind", [NeuralNetClassifier, NeuralNetBinaryClassifier])
def test_scikit_learns_scorers_judge_a_net_in_training_and_after(kind, labels, scorer):
    is_binary = kind is NeuralNetBinaryClassifier
    loss = torch.nn.BCEWithLogitsLoss if is_binary else torch.nn.CrossEntropyLoss
    settings = {"optimizer": torch.optim.AdamW, "lr": 0.05, "train_split": None, "verbose": 0}
    net = kind(Perceptron, module__n_out=2 - is_binary, criterion=loss, **settings)
    setup = Setup(net, check_scoring(net, scorer), horizon=9, classes=np.unique(labels))
    fold = PreparedFold(Part(X, labels), Part(X, labels))
    found = advance(AdvanceJob(setup, {}, fold, 9, 7))
    again = finished_net(setup, fold, found.snapshot)
    assert found.score == setup.scorer(again, X, labels)
    assert again.classes_.tolist() == np.unique(labels).tolist()


class TestAnswering:
    def test_it_is_a_net_of_the_users_class(self, named):
        assert isinstance(named, Mine)
        assert type(named).__name__ == "Mine"
        assert type(named).__module__ == Mine.__module__
        assert type(named).__doc__ == Mine.__doc__
        assert isinstance(named, AnsweringNet)

    def test_its_parameters_are_the_users(self, named):
        params = named.get_params()
        kinds = [value if isinstance(value, type) else type(value) for value in params.values()]
        assert not [kind for kind in kinds if kind.__module__.startswith("sktune")]
        assert params.keys() == of_class(Mine).initialize().get_params().keys()

    def test_a_split_is_the_users(self):
        split = NeuralNetClassifier(Perceptron).train_split
        net = trained(classifier(train_split=split), X, Y, 2)
        assert type(net.train_split) is type(split)

    def test_scores_are_scikit_learns(self, named):
        weight = np.where(Y == 0, 3.0, 1.0)
        expected = accuracy_score(NAMES[Y], named.predict(X), sample_weight=weight)
        assert named.score(X, NAMES[Y], sample_weight=weight) == expected
        numbers = trained(regressor(), X, X[:, 3], classes=())
        assert numbers.predict(X).shape == (150,)
        assert numbers.score(X, X[:, 3]) == r2_score(X[:, 3], numbers.predict(X))

    def test_it_is_cloned_and_fitted_again(self, named):
        again = clone(named)
        assert not again.initialized_
        for labels in (NAMES[Y], Y + 5):
            assert again.fit(X, labels).classes_.tolist() == np.unique(labels).tolist()
            assert set(again.predict(X)) <= set(labels)
        assert np.mean(cross_val_score(named, X, NAMES[Y], cv=3)) > 0.5

    def test_fitting_again_is_plain_skorchs(self, named):
        plain = fitted(of_class(Mine, lr=0.05), y=Y)
        assert same_bits(fitted(clone(named).set_params(max_epochs=9), X, NAMES[Y]), plain)

    def test_it_is_trained_on(self):
        plain, ours = of_class(Mine, max_epochs=2), answering(adapted(of_class(Mine, max_epochs=2)))
        for net in (plain, ours):
            torch.manual_seed(0)
            net.partial_fit(X32, Y).partial_fit(X32, Y)
        assert same_bits(plain, ours)
        assert len(ours.history) == 4

    def test_a_warm_start_goes_on(self):
        net = answering(adapted(of_class(Mine, max_epochs=2, warm_start=True)))
        assert len(net.fit(X, Y).fit(X, Y).history) == 4

    @pytest.mark.parametrize("write", [pickle.dump, joblib.dump])
    def test_it_is_saved(self, named, write):
        file = io.BytesIO()
        write(named, file)
        file.seek(0)
        again = (joblib.load if write is joblib.dump else pickle.load)(file)
        assert np.array_equal(again.predict(X), named.predict(X))
        assert isinstance(again, Mine)
        assert type(again) is type(named)
        assert again.score(X, NAMES[Y]) == named.score(X, NAMES[Y])

    def test_another_process_reads_it(self, named, tmp_path):
        joblib.dump((named, X), tmp_path / "net")
        code = "import joblib, sys; net, X = joblib.load(sys.argv[1]); print(*net.predict(X))"
        command = [sys.executable, "-c", code, tmp_path / "net"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == named.predict(X).tolist()

    @pytest.mark.parametrize("labels", [Y, Y + 1, NAMES[Y]], ids=["codes", "numbers", "names"])
    def test_a_score_of_ones_own_is_asked(self, labels):
        net = trained(of_class(OwnScore), X, labels, 1)
        assert net.score(X, labels) == 0.25

    def test_weights_are_saved_as_skorch_saves_them(self, named, tmp_path):
        named.save_params(f_params=tmp_path / "weights.pt")
        other = of_class(Mine).initialize()
        other.load_params(f_params=tmp_path / "weights.pt")
        assert same_bits(named, other)
