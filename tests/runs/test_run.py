"""A run apart from its epochs: begun, silenced, ended and scored as by skorch and scikit-learn."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.metrics import check_scoring
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, PrintLog
from skorch.dataset import ValidSplit
from torch import nn

from sktune import MLPClassifier
from sktune.runs import AdvanceJob, FoldJob, Part, PreparedFold, Setup
from sktune.runs.fold import prepare
from sktune.runs.run import (
    begin,
    finished_net,
    measure,
    n_trained_weights,
    quiet,
    ready,
    scored,
    silenced,
    strict_warnings,
    tell_begin,
)
from sktune.runs.solo import advance
from tests.user_nets import ShapeSetter, classifier, regressor, same_bits

X, Y = load_iris(return_X_y=True)
X = X.astype(np.float32)
FOLD = PreparedFold(Part(X[::2], Y[::2]), Part(X[1::2], Y[1::2]))
NUMBERS = PreparedFold(Part(X[::2], X[::2, 0]), Part(X[1::2], X[1::2, 0]))


def setup_of(net, **settings):
    scorer = settings.pop("scorer", None) or check_scoring(net)
    return Setup(net, scorer, horizon=9, classes=np.unique(Y), **settings)


def job_of(net, **settings):
    return AdvanceJob(setup_of(net), {}, FOLD, 3, seed=1, **settings)


@pytest.mark.parametrize("train_split", [None, False, 0])
def test_no_split_is_no_split(train_split):
    assert begin(job_of(classifier(train_split=train_split))).net.train_split is None


def test_a_split_is_drawn_once():
    state = begin(job_of(classifier(train_split=ValidSplit(0.2, random_state=None))))
    (rows, y, _), is_new = ready(state.net, job_of(state.net).setup, FOLD)
    assert is_new
    first, again = (state.net.get_split_datasets(rows, y) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.indices, other.indices)
    assert sorted([*first[0].indices, *first[1].indices]) == list(range(len(FOLD.train.X)))
    _, is_new = ready(state.net, job_of(state.net).setup, FOLD)
    assert not is_new


def test_targets_are_those_of_a_module_that_a_callback_has_given_other_sizes():
    net = regressor(module__n_in=2, module__n_out=3, callbacks=[ShapeSetter()])
    setup = Setup(net, check_scoring(net), horizon=9)
    state = begin(AdvanceJob(setup, {}, NUMBERS, 3, seed=1))
    data, _ = ready(state.net, setup, NUMBERS)
    rows, y, _ = tell_begin(state.net, setup, NUMBERS, data)
    outputs = state.net.module_(torch.tensor(rows))
    # else the loss would be that of all pairs of rows
    assert y.shape == outputs.shape == (75, 1)
    assert np.array_equal(y.ravel(), NUMBERS.train.y)


class Best(Callback):
    """Has the bias at 7 when training ends."""

    def on_train_end(self, net, **kwargs):
        with torch.no_grad():
            net.module_.layers[-1].bias.fill_(7)


def test_what_callbacks_do_at_the_end_is_done_to_the_finished_net_only():
    net = classifier(callbacks=[Best()], train_split=ValidSplit(5))
    job = job_of(net)
    outcome = advance(job)
    finished = finished_net(job.setup, FOLD, outcome.snapshot)
    assert (finished.module_.layers[-1].bias == 7).all()
    assert isinstance(finished.train_split, ValidSplit)
    ahead = advance(replace(job, snapshot=outcome.snapshot, n_resources=5))
    straight = advance(replace(job, n_resources=5))
    nets = [finished_net(job.setup, FOLD, one.snapshot) for one in (ahead, straight)]
    assert same_bits(*nets)


def test_trained_weights_are_counted():
    net = classifier().initialize()
    assert n_trained_weights(net) == 4 * 8 + 8 + 8 * 3 + 3
    net.module_.layers[0].bias.requires_grad_(False)
    assert n_trained_weights(net) == 4 * 8 + 8 * 3 + 3


def test_what_prints_is_away_for_a_while():
    callbacks = [("printing", PrintLog()), ("mine", Callback())]
    net = classifier(callbacks=callbacks, verbose=1).initialize()
    before, late = list(net.callbacks_), ("late", Callback())
    assert any(isinstance(callback, PrintLog) for _, callback in before)
    with silenced(net):
        assert net.verbose == 0
        assert not any(isinstance(callback, PrintLog) for _, callback in net.callbacks_)
        net.callbacks_.append(late)
    assert net.verbose == 1
    assert net.callbacks_ == [*before, late]


@pytest.mark.parametrize("block", [quiet, silenced])
def test_a_net_prints_again_after_an_error(block):
    net, seen = classifier(verbose=1).initialize(), []
    before = list(net.callbacks_)
    with pytest.raises(ZeroDivisionError), block(net):
        seen.append(net.verbose / 0)
    assert net.verbose == 1
    assert net.callbacks_ == before


def test_targets_that_would_be_broadcast_are_refused():
    with strict_warnings(), pytest.raises(UserWarning, match="Using a target size"):
        nn.MSELoss()(torch.zeros(3, 1), torch.zeros(3))
    with strict_warnings():
        warnings.warn("The given NumPy array is not writable, so", stacklevel=1)


def test_measurements_are_of_what_the_setup_asks_for():
    parts = {"valid": {"a": 1.0, "b": 2.0}, "train": {"a": 3.0}, "original": {"a": 4.0}}
    job = replace(job_of(classifier()), setup=setup_of(classifier(), refit="b"))
    assert measure(job, parts.get) == (2.0, parts["valid"], {})
    job = replace(job, setup=replace(job.setup, refit=False, return_train_score=True))
    assert measure(job, parts.get) == (1.0, parts["valid"], parts["train"])
    fold = replace(FOLD, original=FOLD.train)
    assert measure(replace(job, fold=fold), parts.get)[2] == parts["original"]
    score, *rest = measure(replace(job, fold=replace(FOLD, valid=None)), parts.get)
    assert np.isnan(score)
    assert rest == [{}, {}]


def test_a_scorer_of_whole_pipelines_is_given_rows_as_they_came():
    pipe = make_pipeline(StandardScaler(), MLPClassifier(max_epochs=2, random_state=0))
    seen = []

    def scorer(estimator, rows, y):
        seen.append((estimator, rows))
        return estimator.score(rows, y)

    setup = setup_of(pipe, scorer=scorer)
    rows = np.arange(0, 150, 2), np.arange(1, 150, 2)
    fold = prepare(FoldJob(setup, {}, X, Y, *rows, seed=0))
    net = MLPClassifier(max_epochs=2, random_state=0).fit(fold.train.X, fold.train.y)
    found = scored(AdvanceJob(setup, {}, fold, 2, 0), net, "valid")
    (estimator, given), oracle = seen[0], pipe.fit(X[rows[0]], Y[rows[0]])
    assert np.array_equal(given, X[rows[1]])
    assert found == {"score": oracle.score(X[rows[1]], Y[rows[1]])}
    assert np.array_equal(estimator.predict_proba(X), oracle.predict_proba(X))
    plain = scored(AdvanceJob(setup, {}, fold.for_net(), 2, 0), net, "valid")
    assert np.array_equal(seen[1][1], fold.valid.X)
    assert seen[1][0] is not estimator
    assert plain == found
