"""Equal things have equal fingerprints in any process, and things that differ do not."""

import copy
import copyreg
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from scipy.stats import loguniform, randint, uniform
from sklearn.compose import ColumnTransformer
from sklearn.metrics import make_scorer, mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skorch.callbacks import EarlyStopping, LRScheduler

from sktune import Choice, Float, MLPClassifier
from sktune.fingerprint import fingerprint, is_importable
from tests.user_nets import NanAtEpoch, Perceptron, classifier


def outer(factor):
    def inner(x):
        return factor * x

    return inner


def of_one_name(factor):
    """Return functions, methods and classes that differ in what they do, not in their names."""
    grown = factor + 1  # read through a closure

    def by_closure(x):
        return grown * x

    def by_default(x, factor=factor):
        return factor * x

    def by_keyword(x, *, factor=factor):
        return factor * x

    class Scale:
        scale = factor

        @staticmethod
        def static(x):
            return grown * x

        @property
        def shown(self):
            return grown

        def __init__(self):
            self.factor = factor

        def __call__(self, x):
            return self.scale * x

    class Child(Scale):
        pass

    scope = {"factor": factor}
    exec("def by_global(x):\n    return factor * x", scope)
    marked = partial(by_closure)
    marked.note = "has attributes of its own"
    made = [by_closure, by_default, by_keyword, scope["by_global"], marked, partial(by_default, 2)]
    return [*made, Scale, Child, Scale(), Scale().__call__, Scale.static, [factor].append]


def frame(last=2.0, name="b"):
    return pd.DataFrame(
        {
            "a": [1.0, last],
            name: pd.Categorical(["x", "y"]),
            "t": pd.to_datetime(["2020-01-01", "2021-01-01"]),
            "o": ["p", None],
        }
    )


def columns(encoder):
    return ColumnTransformer([("n", StandardScaler(), [0]), ("c", encoder, [1])])


# In each line all things differ from each other.
DIFFERENT = {
    "numbers": lambda: [1, 1.0, True, "1", b"1", None, np.float64(1), np.int64(1), float("nan")],
    "arrays": lambda: [
        np.arange(6),
        np.arange(6.0),
        np.arange(6).reshape(2, 3),
        np.arange(6).reshape(3, 2),
        np.arange(6).reshape(2, 3).T.copy(order="F").T + 1,
        np.array(["a", None, 1], dtype=object),
        np.array(["a", "b"]),
        np.array([]),
    ],
    "containers": lambda: [[1, 2], (1, 2), {1, 2}, [2, 1], [[1], 2], {"a": 1}, {"a": 2}, [[1, 2]]],
    "tables": lambda: [frame(), frame(3.0), frame(name="c"), frame().iloc[:, :2], frame().iloc[:1]],
    "sparse": lambda: [csr_matrix(np.eye(3)), csr_matrix(np.eye(4)), csr_matrix(2 * np.eye(3))],
    "tensors": lambda: [torch.ones(3), torch.zeros(3), torch.ones(3, dtype=torch.float64)],
    "distributions": lambda: [
        loguniform(1e-3, 1),
        loguniform(1e-3, 2),
        uniform(1e-3, 1),
        randint(1, 3),
        Float(1, 3),
        Float(1, 3, log=True),
        Choice([1, 3]),
    ],
    "functions": lambda: [outer(1), outer(2), len, np.mean, lambda x: x, lambda x: x + 1],
    "partials": lambda: [partial(outer, 1), partial(outer, 2)],
    "scorers": lambda: [
        make_scorer(mean_squared_error),
        make_scorer(mean_squared_error, greater_is_better=False),
    ],
    "classes": lambda: [Perceptron, NanAtEpoch, StandardScaler, torch.optim.Adam, torch.float32],
    "estimators": lambda: [
        MLPClassifier(),
        MLPClassifier(lr=0.1),
        make_pipeline(StandardScaler(), MLPClassifier()),
        columns(OneHotEncoder()),
        columns(OneHotEncoder(max_categories=3)),
        classifier(),
        classifier(callbacks=[EarlyStopping()]),
        classifier(callbacks=[EarlyStopping(patience=3)]),
        classifier(callbacks=[LRScheduler("CosineAnnealingLR", T_max=3)]),
        classifier(module__width=9),
    ],
    "others": lambda: [Path("a"), Path("b"), range(3), slice(3), np.random.RandomState(0)],
}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_what_differs_and_what_is_equal(kind):
    one, other = ([fingerprint(thing) for thing in DIFFERENT[kind]()] for _ in range(2))
    assert one == other
    assert len(set(one)) == len(one)


def test_names_are_not_what_is_named():
    one, same, other = ([fingerprint(thing) for thing in of_one_name(f)] for f in (1, 1, 2))
    assert one == same
    assert not set(one) & set(other)
    assert len(set(one)) == len(one)


def test_a_name_must_lead_to_the_object():
    assert is_importable(len)
    assert is_importable(Perceptron)
    assert is_importable(Perceptron.forward)
    assert not any(map(is_importable, of_one_name(1)))
    assert not is_importable(3)


def test_functions_that_name_each_other():
    def chain(n):
        scope = {"last": lambda x: x + n}
        for number in range(60):
            earlier = [name for name in scope if name != "__builtins__"][-3:]
            calls = " + ".join(f"{name}(x)" for name in earlier)
            exec(f"def f{number}(x):\n    return {calls}", scope)
        return scope["f59"]

    assert fingerprint(chain(1)) == fingerprint(chain(1))
    assert fingerprint(chain(1)) != fingerprint(chain(2))


def test_in_another_process():
    script = (
        "import json; from tests.test_fingerprint import *\n"
        "print(json.dumps({k: list(map(fingerprint, v())) for k, v in DIFFERENT.items()}))"
    )
    told = []
    for seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": seed}
        arguments = [sys.executable, "-W", "ignore", "-c", script]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=env)
        told.append(json.loads(done.stdout))
    assert told[0] == told[1]
    assert told[0] == {k: list(map(fingerprint, v())) for k, v in DIFFERENT.items()}


def test_things_that_hold_themselves():
    one, other = [1], [2]
    one.append(one)
    other.append(other)
    assert fingerprint(one) != fingerprint(other)


def test_what_python_keeps_for_itself_tells_nothing(monkeypatch):
    def copied(x):
        return copy.deepcopy(x)

    before = fingerprint(copied)
    # whoever imports torch has more of these
    monkeypatch.setitem(copyreg.dispatch_table, Perceptron, len)
    assert fingerprint(copied) == before


class Settings:
    def __init__(self, factor):
        self.factor = factor


def test_objects_that_functions_and_classes_refer_to_are_told():
    def reading(factor):
        names = {"settings": Settings(factor)}
        exec("def scaled(x):\n    return x * settings.factor\n", names)
        return names["scaled"]

    def with_attribute(factor):
        def scaled(x):
            return x

        scaled.factor = factor
        return scaled

    def with_settings(factor):
        return type("Local", (), {"settings": Settings(factor)})

    for make in (reading, with_attribute, with_settings):
        one, two, three = (fingerprint(make(factor)) for factor in (1, 2, 1))
        assert one == three != two


def test_an_object_that_refers_to_itself_is_taken_apart():
    def reading(factor):
        settings = Settings(factor)
        settings.itself = settings
        names = {"settings": settings}
        exec("def scaled(x):\n    return x * settings.factor\n", names)
        return names["scaled"]

    assert fingerprint(reading(1)) == fingerprint(reading(1)) != fingerprint(reading(2))
