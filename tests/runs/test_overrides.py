"""Each method of skorch's net that a user overrides is treated as the table says."""

import inspect

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import check_scoring
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.dataset import ValidSplit

from sktune import MLPClassifier
from sktune.nets.randomness import Randomness
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.adapt import adapted
from sktune.runs.overrides import METHODS, Treatment, fits_itself, is_own, own, own_code
from sktune.trainers import SoloTrainer, StackedTrainer
from tests.user_nets import classifier, weights

NETS = (NeuralNet, NeuralNetClassifier, NeuralNetBinaryClassifier, NeuralNetRegressor)
X, Y = (part[::3] for part in load_iris(return_X_y=True))
X = X.astype(np.float32)
FOLD = PreparedFold(Part(X[1::2], Y[1::2]), Part(X[::2], Y[::2]))


def treated(*treatments):
    """Return the names of the methods that are treated so."""
    return [name for name in METHODS if METHODS[name] in treatments]


def public(kind):
    return {name for name in dir(kind) if not name.startswith("_") and _acts(kind, name)}


def _acts(kind, name):
    part = inspect.getattr_static(kind, name)
    return callable(getattr(kind, name, None)) or isinstance(part, property)


class TestTheTable:
    @pytest.mark.parametrize("kind", NETS)
    def test_it_has_every_method_of_skorchs(self, kind):
        assert public(kind) - METHODS.keys() == set(), "say what happens if these are overridden"

    def test_it_has_no_other(self):
        assert METHODS.keys() - set().union(*map(public, NETS)) == set()

    def test_every_treatment_is_used(self):
        assert set(METHODS.values()) == set(Treatment)


CALLS = []


@pytest.fixture(autouse=True)
def no_calls_yet():
    CALLS.clear()


def overriding(name):
    """Return a class with a method that notes its calls, and does what skorch's does."""
    inherited = inspect.getattr_static(NeuralNetClassifier, name, None)

    def method(self, *args, **params):
        CALLS.append((name, *(len(arg) for arg in args if isinstance(arg, np.ndarray))))
        return getattr(super(kind, self), name)(*args, **params)

    def look(self):
        CALLS.append((name,))
        return inherited.fget(self)

    method.__name__ = name  # scikit-learn's scorers look at it
    part = property(look, inherited.fset) if isinstance(inherited, property) else method
    kind = type(f"Own_{name}", (NeuralNetClassifier,), {name: part})
    return kind


PRIVATE = "_set_training"
OVERRIDING = {name: overriding(name) for name in [*METHODS, PRIVATE]}
# A user's classes are found by their names.
globals().update({kind.__name__: kind for kind in OVERRIDING.values()})


def net_of(kind, **settings):
    settings = {"train_split": ValidSplit(3), "batch_size": 8, **settings}
    given = classifier(**settings).get_params(deep=False)
    return kind(**{name: value for name, value in given.items() if name[0] != "_"})


def jobs_of(net, n_jobs=3, rung=2, snapshots=(None, None, None)):
    # A scorer that is no method of the net reads its classes.
    scorer = check_scoring(net, "accuracy" if type(net) is OVERRIDING["classes_"] else None)
    setup = Setup(net, scorer, horizon=4, classes=np.unique(Y))
    return [AdvanceJob(setup, {}, FOLD, rung, 7 + k, snapshots[k]) for k in range(n_jobs)]


def advanced(net, trainer=None, **settings):
    return (trainer or StackedTrainer()).advance(jobs_of(net, **settings))


def plain_score(net, seed=7):
    with Randomness(seed).turn():
        net.set_params(max_epochs=2).fit(FOLD.train.X, FOLD.train.y)
        return net.score(FOLD.valid.X, FOLD.valid.y)


class TestOverrides:
    @pytest.mark.parametrize("name", treated(Treatment.CALLED))
    def test_it_is_called_in_stacks(self, name):
        outcomes = advanced(net_of(OVERRIDING[name]))
        assert [o.stack_size for o in outcomes] == [3, 3, 3]
        assert CALLS

    @pytest.mark.parametrize("name", treated(Treatment.ALONE))
    def test_it_trains_alone(self, name):
        outcomes = advanced(net_of(OVERRIDING[name]), n_jobs=1)
        assert outcomes[0].stack_size == 1
        own_data = "its data set is not one of plain arrays"
        own_method = f"Own_{name} has a method {name} of its own"
        assert outcomes[0].solo_reason == (own_data if name == "get_dataset" else own_method)
        assert CALLS
        assert outcomes[0].score == plain_score(net_of(OVERRIDING[name]))

    @pytest.mark.parametrize("name", treated(Treatment.SCORED_ALONE))
    def test_it_is_trained_in_a_stack_and_scored_alone(self, name):
        kind = OVERRIDING[name]
        outcomes = advanced(net_of(kind))
        assert [o.stack_size for o in outcomes] == [3, 3, 3]
        assert bool(CALLS) == (name != "forward")  # skorch's predictions do not use it
        assert outcomes[0].score == plain_score(net_of(kind))

    @pytest.mark.parametrize("name", treated(Treatment.UNUSED))
    def test_it_is_not_called(self, name):
        outcomes = advanced(net_of(OVERRIDING[name]))
        assert [o.stack_size for o in outcomes] == [3, 3, 3]
        assert not CALLS

    @pytest.mark.parametrize("name", treated(Treatment.FITTED_ANEW))
    def test_it_is_fitted_anew_at_each_rung(self, name):
        net = net_of(OVERRIDING[name])
        first = advanced(net, n_jobs=1)
        assert first[0].stack_size == 1
        assert name in first[0].solo_reason
        assert first[0].score == plain_score(net_of(OVERRIDING[name]))
        assert CALLS[0] == (name, len(FOLD.train.X), len(FOLD.train.y))
        second = advanced(net, n_jobs=1, rung=4, snapshots=[first[0].snapshot])
        straight = advanced(net, n_jobs=1, rung=4)
        assert second[0].score == straight[0].score

    def test_a_private_method_of_skorchs_trains_alone(self):
        outcomes = advanced(net_of(OVERRIDING[PRIVATE]))
        reason = f"Own_{PRIVATE} has a method {PRIVATE} of its own"
        assert [o.solo_reason for o in outcomes] == [reason] * 3
        assert CALLS


class Zeros(NeuralNetClassifier):
    def predict(self, X):
        return np.zeros(len(X), dtype=int)


class Halved(NeuralNetClassifier):
    def infer(self, x, **params):
        return super().infer(x / 2, **params)


class Reversed(NeuralNetClassifier):
    def evaluation_step(self, batch, training=False):
        return -super().evaluation_step(batch, training)


class Shifted(NeuralNetClassifier):
    def forward_iter(self, X, training=False, device="cpu"):
        for outputs in super().forward_iter(X, training, device):
            yield outputs.roll(1, dims=1)


class Penalised(NeuralNetClassifier):
    strength = 0.05

    def get_loss(self, y_pred, y_true, *args, **params):
        loss = super().get_loss(y_pred, y_true, *args, **params)
        return loss + self.strength * sum(w.abs().sum() for w in self.module_.parameters())


class Rescaled(NeuralNetClassifier):
    def initialize_module(self):
        super().initialize_module()
        for weight in self.module_.parameters():
            weight.data.mul_(0.5)
        return self


class Steps(NeuralNetClassifier):
    def train_step_single(self, batch, **params):
        step = super().train_step_single(batch, **params)
        step["loss"] *= 2
        return step


OWN = (Zeros, Halved, Reversed, Shifted, Penalised, Rescaled, Steps)


@pytest.mark.parametrize("kind", OWN)
def test_what_an_override_does_is_done(kind):
    """Stacked, alone and by plain skorch the same comes out, and not what comes without it."""
    stacked, alone = (advanced(net_of(kind), t) for t in (StackedTrainer(), SoloTrainer()))
    assert [o.score for o in stacked] == [o.score for o in alone]
    assert stacked[0].score == plain_score(net_of(kind))
    without = net_of(NeuralNetClassifier)
    plain_score(without)
    net = net_of(kind)
    is_other = plain_score(net) != without.score(FOLD.valid.X, FOLD.valid.y)
    assert is_other or not np.array_equal(weights(net), weights(without)) or kind is Steps


class TestWhatIsOnesOwn:
    @pytest.mark.parametrize("kind", NETS)
    def test_nothing_of_skorchs(self, kind):
        assert not [name for name in dir(kind) if is_own(kind, name)]
        assert not list(own(classifier(), *Treatment))
        assert own_code(classifier()) == set()

    def test_nothing_of_ours(self):
        assert not list(own(MLPClassifier(), *Treatment))
        assert not list(own(adapted(classifier()), *Treatment))

    def test_what_a_parent_or_a_mixin_has(self):
        class Mixin:
            def infer(self, x, **params):
                return self.module_(x)

        class Child(Mixin, Penalised):
            pass

        net = net_of(Child)
        assert [*own(net, Treatment.CALLED)] == ["get_loss"]
        assert [*own(net, Treatment.SCORED_ALONE)] == ["infer"]
        assert {"strength", "parameters", "module_"} <= own_code(net)

    def test_a_method_of_the_net_itself(self):
        net = classifier()
        net.get_loss = lambda *args, **params: 0.0
        assert [*own(net, Treatment.CALLED)] == ["get_loss"]

    @pytest.mark.parametrize("kind", [NeuralNet, NeuralNetClassifier])
    @pytest.mark.parametrize(
        ("name", "treatment"),
        [
            ("fit", Treatment.FITTED_ANEW),
            ("train_step", Treatment.ALONE),
            ("get_loss", Treatment.CALLED),
        ],
    )
    def test_a_method_that_was_replaced(self, kind, name, treatment, monkeypatch):
        inherited = getattr(kind, name)

        def replaced(self, *args, **params):
            return inherited(self, *args, **params)

        monkeypatch.setattr(kind, name, replaced)
        net = classifier()
        assert [*own(net, treatment)] == [name]
        assert fits_itself(net) == (name == "fit")
        outcomes = advanced(net, n_jobs=2)
        assert [o.stack_size for o in outcomes] == ([2, 2] if name == "get_loss" else [1, 1])

    def test_what_else_a_class_has_is_no_override(self):
        class More(NeuralNetClassifier):
            setting = 3

            def helper(self):
                return self.setting

        # scikit-learn gives each class such a method.
        assert [*own(net_of(More), *Treatment)] == ["set_score_request"]
        assert [o.stack_size for o in advanced(net_of(More))] == [3, 3, 3]
