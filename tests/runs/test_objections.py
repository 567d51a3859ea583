"""What our nets say against settings and rows, before anything is trained."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import MLPClassifier, MLPRegressor
from sktune.runs import FoldJob, Setup, data_objections, setting_objections
from tests.user_nets import classifier

X, Y = load_iris(return_X_y=True)
MISSING = np.where(np.arange(600).reshape(150, 4) == 77, np.nan, X)
COLOURS = pd.DataFrame(X, columns=list("abcd")).assign(colour="red")


def said(estimator, X=X, y=Y, params=None, rows=None):
    setup = Setup(estimator, None, horizon=1)
    rows = np.arange(len(X)) if rows is None else rows
    return list(data_objections(FoldJob(setup, params or {}, X, y, rows, None, seed=0)))


def behind(*steps):
    return make_pipeline(*steps, MLPClassifier())


@pytest.mark.parametrize(
    ("net", "name", "values", "n_lines"),
    [
        (MLPClassifier(), "width", [0, -1], 2),
        (MLPClassifier(), "width", [0, 8], 0),
        (MLPRegressor(), "activation", ["relu", "tanh"], 0),
        (MLPRegressor(), "activation", ["none of them"], 1),
        (classifier(), "batch_size", [-5], 0),
    ],
)
def test_settings_are_told_if_none_can_work(net, name, values, n_lines):
    found = list(setting_objections(net, name, values))
    assert len(found) == n_lines
    assert all(f"`{name}`={value!r}" in line for line, value in zip(found, values, strict=False))


@pytest.mark.parametrize(
    ("estimator", "rows", "words"),
    [
        (MLPClassifier(), X, ()),
        (MLPClassifier(), MISSING, ("X contains NaN", "SimpleImputer")),
        (behind(StandardScaler()), MISSING, ("X contains NaN", "SimpleImputer")),
        (behind(StandardScaler()), pd.DataFrame(MISSING), ("X contains NaN", "SimpleImputer")),
        (behind(SimpleImputer()), MISSING, ()),
        (MLPClassifier(), COLOURS, ("text in the columns 'colour'", "OneHotEncoder")),
        (MLPClassifier(), COLOURS.to_numpy(), ("`X` holds text,", "OneHotEncoder")),
        # what a transformer itself says, training will say
        (behind(StandardScaler()), COLOURS, ()),
        (classifier(), MISSING, ()),
    ],
)
def test_rows_that_cannot_be_trained_on_are_told_with_the_way_out(estimator, rows, words):
    found = said(estimator, rows)
    assert len(found) == bool(words)
    assert all(word in line for line in found for word in words)


def test_settings_that_are_refused_hide_nothing_of_the_rows():
    (line,) = said(MLPClassifier(width=-1, lr="fast"), MISSING)
    assert "X contains NaN" in line
    assert said(MLPClassifier(width=-1)) == []


def test_targets_are_looked_at_too():
    y = np.where(np.arange(150) == 3, np.nan, X[:, 0])
    (line,) = said(MLPRegressor(), y=y)
    assert "NaN" in line


def test_candidates_with_parameters_of_others_are_left_alone():
    assert said(behind(StandardScaler()), MISSING, params={"standardscaler__nothing": 1}) == []


def test_only_the_rows_of_the_fold_are_behind_transformers():
    # row 19 has the missing value
    rows = np.flatnonzero(np.arange(150) != 19)
    pipe = behind(StandardScaler())
    assert said(pipe, MISSING[rows]) == []
    assert len(said(pipe, MISSING)) == 1


class FillsLargeTables(TransformerMixin, BaseEstimator):
    """Leaves missing values in tables of less than a thousand rows."""

    def fit(self, X, y=None):
        self.value_ = 0.0 if len(X) >= 1000 else np.nan
        return self

    def transform(self, X):
        return np.where(np.isnan(X), self.value_, X)


def test_what_few_rows_seem_to_show_is_told_if_all_rows_show_it():
    few = said(behind(FillsLargeTables()), MISSING)
    many = said(behind(FillsLargeTables()), np.tile(MISSING, (8, 1)), np.tile(Y, 8))
    assert (len(few), len(many)) == (1, 0)
