import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from skorch import NeuralNetBinaryClassifier
from skorch.dataset import Dataset
from torch.utils.data import DataLoader

from sktune import MLPClassifier
from sktune.trainers.adapt import FloatDataset, Gate, adapted, codec_for
from tests.user_nets import Perceptron, classifier, regressor, same_bits

X, Y = load_iris(return_X_y=True)
X32 = X.astype(np.float32)


class Sideways(Dataset):
    """A data set of the user's own."""


def test_fast_batches_change_no_bit():
    for net in (classifier(module__dropout=0.3), classifier(iterator_train__drop_last=True)):
        fits = []
        for version in (net, adapted(net, np.unique(Y))):
            torch.manual_seed(0)
            fits.append(version.fit(X32, Y))
        assert same_bits(*fits)
        assert np.array_equal(fits[0].predict_proba(X32), fits[1].predict_proba(X32))


def test_fast_batches_ask_for_whole_batches(monkeypatch):
    asked = []
    fetch = FloatDataset.__getitem__
    monkeypatch.setattr(FloatDataset, "__getitem__", lambda s, i: asked.append(i) or fetch(s, i))
    adapted(classifier(max_epochs=1), None).fit(X32, Y)
    assert [len(rows) for rows in asked] == [16] * 9 + [6]


def test_what_a_user_made_is_kept():
    net = adapted(classifier(dataset=Sideways, iterator_train=list), None)
    assert net.dataset is Sideways
    assert net.iterator_train is list
    ours = MLPClassifier(width=3)
    assert repr(adapted(ours, None)) == repr(clone(ours))


def test_custom_collation_keeps_torchs_loader():
    net = adapted(classifier(iterator_train__num_workers=0), None)
    loader = net.get_iterator(net.get_dataset(X32, Y), training=True)
    assert type(loader) is DataLoader
    assert loader.batch_size == 16


def test_double_precision_is_brought_to_single():
    net = adapted(classifier(max_epochs=1), None).fit(X, Y)
    assert net.predict_proba(X).dtype == np.float32


def test_a_class_that_a_fold_lacks_is_known():
    net = adapted(classifier(max_epochs=1), np.unique(Y)).fit(X32[:100], Y[:100])
    assert net.classes_.tolist() == [0, 1, 2]
    kept = adapted(classifier(classes=[0, 1, 2, 3]), np.unique(Y))
    assert kept.classes_.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("names", [np.array(["a", "b", "c"]), np.array([7, 5, 9])])
def test_labels_are_told_as_codes_and_read_back(names):
    labels = names[Y]
    codec = codec_for(classifier(), np.unique(labels), True)
    net = classifier(lr=0.05, max_epochs=20).fit(X32, codec.encode(labels))
    view = codec.view(net)
    assert view.score(X32, labels) > 0.9
    assert view.classes_.tolist() == sorted(set(labels.tolist()))
    assert view.predict_proba(X32).shape == (150, 3)


def test_binary_classifiers_get_floats():
    module = Perceptron(n_out=1)
    net = NeuralNetBinaryClassifier(torch.nn.Sequential(module, torch.nn.Flatten(0)), verbose=0)
    codec = codec_for(net, np.array([False, True]), True)
    assert codec.encode(Y == 1).dtype == np.float32
    fitted = net.set_params(train_split=None).fit(X32, codec.encode(Y == 1))
    assert codec.view(fitted).predict(X32).dtype == bool


def test_one_dimensional_targets_become_columns():
    codec = codec_for(regressor(), None, True)
    net = regressor().fit(X32, codec.encode(Y))
    assert codec.view(net).predict(X32).shape == (150,)
    both = codec_for(regressor(), None, False)
    assert both.encode(pd.DataFrame(X[:, :2])).dtype == np.float32
    assert both.view(net) is net


def test_a_score_of_ones_own_is_asked():
    class Own(type(classifier())):
        def score(self, X, y):
            return 0.25

    settings = {k: v for k, v in classifier().get_params(deep=False).items() if k[0] != "_"}
    net = Own(**settings).fit(X32, Y)
    for labels in (Y, Y + 1):
        view = codec_for(net, np.unique(labels), True).view(net)
        assert view.score(X32, labels) == 0.25
        assert view.module_ is net.module_


def test_codes_need_no_view():
    net = classifier().fit(X32, Y)
    assert codec_for(net, np.unique(Y), True).view(net) is net


class Columns(torch.nn.Module):
    def forward(self, a, b):
        return torch.cat([a, b], dim=1)


class Ids(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(9, 2)


class TestGate:
    def test_rows_come_out_as_single_precision(self):
        for rows in (X, X.tolist(), pd.DataFrame(X)):
            passed = Gate(classifier()).enter(rows, reset=True)
            assert passed.dtype == np.float32
            assert np.array_equal(passed, X32)

    def test_whole_numbers_stay_whole_for_an_embedding(self):
        ids = np.arange(6).reshape(3, 2)
        assert Gate(classifier(Ids)).enter(ids, reset=True).dtype == ids.dtype
        assert Gate(classifier()).enter(ids, reset=True).dtype == np.float32

    def test_a_module_whose_arguments_come_with_the_candidate(self):
        ids = np.arange(6).reshape(3, 2)
        needy = classifier(torch.nn.Linear)
        assert Gate(needy).enter(ids, reset=True).dtype == np.float32

    def test_images_may_have_more_dimensions(self):
        assert Gate(classifier()).enter(np.ones((2, 1, 4, 4)), reset=True).shape == (2, 1, 4, 4)

    def test_what_only_the_module_can_judge_passes(self):
        frame = pd.DataFrame({"a": [1.0], "b": [2.0]})
        gate = Gate(classifier(Columns))
        for rows in (frame, {"a": X}, torch.ones(2, 2)):
            assert gate.enter(rows, reset=True) is rows

    @pytest.mark.parametrize(
        ("rows", "message"),
        [(X * np.nan, "NaN"), (X[:, :2], "2 features"), (X[0], "1D array")],
    )
    def test_bad_rows_are_refused(self, rows, message):
        gate = Gate(classifier())
        gate.enter(X, reset=True)
        with pytest.raises(ValueError, match=message):
            gate.enter(rows)
