from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import check_scoring
from skorch.callbacks import EarlyStopping

from sktune import ConvNetClassifier, MLPClassifier
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.trainers import StackedTrainer
from sktune.trainers.grouping import Size, _balanced, _cost, _parts, plan_stacks
from tests.user_nets import Raises, classifier

X, Y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3
N_FOLDS = 5


def jobs(net, params, X=X):
    setup = Setup(net, check_scoring(net), horizon=9, classes=np.unique(Y))
    fold = PreparedFold(Part(X, Y), Part(X, Y))
    return [
        AdvanceJob(setup, p, fold, 1, N_FOLDS * c + f)
        for c, p in enumerate(params)
        for f in range(N_FOLDS)
    ]


def stacks(net, params, largest=None, X=X):
    """Return the sets of candidates of the stacks that are planned."""
    planned = StackedTrainer(largest).plan(jobs(net, params, X))
    return [sorted(number // N_FOLDS for number in stack.numbers) for stack in planned]


def candidates_together(net, params):
    # more candidates of another kin, so that nothing is halved for the sake of balance
    others = [{"batch_size": size} for size in (3, 5, 7)]
    found = stacks(net, [*params, *others])
    return sorted({tuple(sorted(set(s))) for s in found if s[0] < len(params)})


def test_candidates_that_differ_in_numbers_only_are_one_stack():
    params = [{"lr": 0.1}, {"dropout": 0.3}, {"weight_decay": 0.1}, {"lr_schedule": "constant"}]
    assert candidates_together(MLPClassifier(), params) == [(0, 1, 2, 3)]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("width", (8, 16)),
        ("depth", (1, 2)),
        ("batch_size", (8, 16)),
        ("optimizer", ("adam", "sgd")),
        ("activation", ("relu", "tanh")),
        ("normalization", (None, "batch")),
    ],
)
def test_candidates_that_differ_in_structure_are_apart(name, values):
    params = [{name: value, "lr": lr} for lr in (0.1, 0.2) for value in values]
    assert candidates_together(MLPClassifier(), params) == [(0, 2), (1, 3)]


def test_a_users_module_is_looked_at_for_its_structure():
    params = [{"module__dropout": d, "module__width": w} for d in (0.0, 0.5) for w in (4, 8)]
    assert candidates_together(classifier(), params) == [(0, 2), (1, 3)]
    rates = [{"optimizer__weight_decay": d, "lr": lr} for d in (0.0, 0.1) for lr in (0.1, 0.2)]
    assert candidates_together(classifier(), rates) == [(0, 1, 2, 3)]
    own = [{"module__broken": broken} for broken in (True, False)]
    assert candidates_together(classifier(Raises), own) == [(0,), (1,)]


def test_filters_and_kernels_are_structure():
    images = np.zeros((60, 6, 6))
    params = [{"filters": f, "kernel_size": k} for f in (2, 4) for k in (3, 5)]
    planned = stacks(ConvNetClassifier(), params, X=images)
    assert all(len(set(stack)) == 1 for stack in planned)


def test_impossible_candidates_are_planned_too():
    planned = stacks(MLPClassifier(), [{"width": -1}, {"width": "many"}, {}])
    assert Counter(chain.from_iterable(planned)) == {0: N_FOLDS, 1: N_FOLDS, 2: N_FOLDS}
    settings = [{"batch_size": "many"}, {"device": "abacus"}]
    planned = stacks(MLPClassifier(), settings)
    assert Counter(chain.from_iterable(planned)) == {0: N_FOLDS, 1: N_FOLDS}
    planned = stacks(classifier(), [{"module__nothing": 1}, {"callbacks": [EarlyStopping()]}])
    assert Counter(chain.from_iterable(planned)) == {0: N_FOLDS, 1: N_FOLDS}


def test_large_networks_make_small_stacks():
    sizes = [max(map(len, stacks(MLPClassifier(width=w), [{}] * 9))) for w in (16, 512, 4096)]
    assert sizes[0] > sizes[1] > sizes[2] == 1


@pytest.mark.parametrize("largest", [1, 2, 7])
def test_the_user_bounds_the_stacks(largest):
    assert max(map(len, stacks(MLPClassifier(), [{}] * 9, largest))) == largest


def test_the_plan_is_made_of_the_candidates_alone(monkeypatch):
    work = jobs(MLPClassifier(), [{"width": w, "lr": lr} for w in (8, 16) for lr in (0.1, 0.2)])
    expected = plan_stacks(work)
    for name in ("os.cpu_count", "joblib.cpu_count", "torch.get_num_threads"):
        monkeypatch.setattr(name, lambda *a, **k: pytest.fail("looked at the machine"))
    monkeypatch.setattr("time.perf_counter", lambda: pytest.fail("looked at the clock"))
    assert plan_stacks(work) == expected


@given(st.integers(1, 300), st.integers(1, 50))
def test_parts_are_whole_and_nearly_equal(n, largest):
    parts = _parts(range(n), largest)
    assert list(chain.from_iterable(parts)) == list(range(n))
    lengths = list(map(len, parts))
    assert max(lengths) <= largest
    assert max(lengths) - min(lengths) <= 1
    assert len(parts) == -(-n // largest)


SIZES = st.builds(Size, st.integers(1, 10**6), st.just(0), st.sampled_from([16, 64, 256]))


@given(st.lists(st.tuples(SIZES, st.integers(1, 40)), min_size=1, max_size=20))
def test_the_dearest_go_first_and_none_outweighs_the_rest_twice(given_stacks):
    numbered, start = [], 0
    for size, n_networks in given_stacks:
        numbered.append((size, list(range(start, start + n_networks))))
        start += n_networks
    balanced = _balanced(numbered)
    assert sorted(chain.from_iterable(s.numbers for s in balanced)) == list(range(start))
    owner = {number: size for size, numbers in numbered for number in numbers}
    costs = [_cost(owner[stack.numbers[0]], len(stack.numbers)) for stack in balanced]
    assert costs == [stack.cost for stack in balanced]
    assert costs == sorted(costs, reverse=True)
    assert len(balanced) >= min(2, start)
