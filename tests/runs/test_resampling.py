"""Samplers in pipelines; the oracle is imbalanced-learn's pipeline, fitted on each fold."""

import warnings

import numpy as np
import pytest
import sklearn
import torch
from imblearn import FunctionSampler
from imblearn.combine import SMOTEENN
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.under_sampling import EditedNearestNeighbours, RandomUnderSampler
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler, TargetEncoder
from skorch import NeuralNetClassifier
from torch import nn

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from sktune.exceptions import InvalidSettingsError, StorageError
from sktune.runs.resampling import fit_heads, fit_whole, is_sampler, untraced_parameters

X, Y = make_classification(
    n_samples=180, n_features=4, n_informative=3, n_redundant=0, weights=[0.75], random_state=0
)
ROWS = np.arange(180)
CV = StratifiedKFold(3)
WEIGHT = np.random.RandomState(1).uniform(0.2, 3, 180)


class Reversed(BaseEstimator):
    """As many rows in another order: a mistake in the labels shows in nothing but the scores."""

    def fit_resample(self, X, y):
        self.sample_indices_ = np.arange(len(X))[::-1]
        return X[::-1], y[::-1]


class Doubled(BaseEstimator):
    """Made-up rows, of which it says nothing."""

    def fit_resample(self, X, y):
        return np.concatenate([X, X + 0.01]), np.concatenate([y, y])


def first_half(X, y):
    return X[: len(X) // 2], y[: len(y) // 2]


SAMPLERS = {
    "over": [RandomOverSampler(random_state=0)],
    "under": [RandomUnderSampler(random_state=0)],
    "smote": [SMOTE(random_state=0)],
    "outliers": [EditedNearestNeighbours()],
    "both": [SMOTEENN(random_state=0)],
    "function": [FunctionSampler(func=first_half)],
    "order": [Reversed()],
    "users": [StandardScaler(), Doubled()],
    "several": [SMOTE(random_state=0), StandardScaler(), RandomUnderSampler(random_state=1)],
    "first and last": [RandomOverSampler(random_state=0), Reversed(), StandardScaler()],
    "nothing": ["passthrough", RandomUnderSampler(random_state=0), None],
}
SELECTING = ["over", "under", "outliers", "order", "first and last", "nothing"]
MADE_UP = ["smote", "both", "function", "several"]


class Zeros(nn.Module):
    """A linear model that begins at zero, wherever it is trained."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, X):
        return self.layer(X.float())


def nets():
    ours = MLPClassifier(max_epochs=4, lr=0.01, random_state=0)
    users = NeuralNetClassifier(
        Zeros, criterion=nn.CrossEntropyLoss, lr=0.1, max_epochs=4, train_split=None, verbose=0
    )
    return {"ours": ours, "users": users}


def pipeline(steps, net):
    names = [f"step{number}" for number in range(len(steps))]
    return Pipeline([*zip(names, map(clone_step, steps), strict=True), ("net", clone(net))])


def clone_step(step):
    return step if step in (None, "passthrough") else clone(step)


def searched(estimator, space=None, **settings):
    given = {"max_resources": 4, "min_resources": 4, "cv": CV, "sampler": "grid"}
    space = {"net__lr": [estimator.named_steps["net"].lr]} if space is None else space
    return SuccessiveHalvingSearchCV(
        estimator, space, **(given | {"random_state": 0, "error_score": "raise"} | settings)
    )


def scores(search, which="test"):
    names = [f"split{fold}_{which}_score" for fold in range(3)]
    return np.array([search.cv_results_[name][0] for name in names])


def plain(estimator, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cross_validate(estimator, X, Y, cv=CV, error_score="raise", **settings)


@pytest.mark.parametrize("steps", SAMPLERS)
@pytest.mark.parametrize("net", ["ours", "users"])
@pytest.mark.parametrize("stacking", ["auto", False])
def test_scores_are_those_of_imbalanced_learns_pipeline(steps, net, stacking):
    estimator = pipeline(SAMPLERS[steps], nets()[net])
    scoring = "neg_log_loss"
    search = searched(estimator, scoring=scoring, stacking=stacking, return_train_score=True)
    search.fit(X, Y)
    oracle = plain(estimator, scoring=scoring, return_train_score=True)
    assert scores(search) == pytest.approx(oracle["test_score"], abs=1e-4)
    assert scores(search, "train") == pytest.approx(oracle["train_score"], abs=1e-4)
    assert type(search.best_estimator_) is Pipeline
    if net == "ours":
        refitted = clone(search.best_estimator_).set_params(net__max_epochs=4).fit(X, Y)
        assert np.allclose(search.predict_proba(X), refitted.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("steps", SAMPLERS)
@pytest.mark.parametrize(
    ("last", "settings"),
    [
        (SGDClassifier(random_state=0), {"min_resources": 1, "max_resources": 1}),
        (KNeighborsClassifier(), {"max_resources": 180, "min_resources": 180}),
        (LogisticRegression(), {"resource": "net__max_iter", "max_resources": 50}),
    ],
)
def test_other_estimators(steps, last, settings):
    estimator = pipeline(SAMPLERS[steps], last)
    space = {"net": [last]}
    given = {"min_resources": settings["max_resources"], "return_train_score": True} | settings
    search = searched(estimator, space, **given).fit(X, Y)
    if isinstance(last, SGDClassifier):
        estimator.set_params(net__max_iter=1, net__tol=None)
    oracle = plain(estimator, return_train_score=True)
    assert scores(search) == pytest.approx(oracle["test_score"], abs=0.1)
    if isinstance(last, LogisticRegression):
        assert scores(search) == pytest.approx(oracle["test_score"])
        assert scores(search, "train") == pytest.approx(oracle["train_score"])
    assert type(search.best_estimator_) is Pipeline


def test_the_scorer_sees_the_pipeline_and_the_rows_as_they_came():
    seen = []

    def judge(estimator, rows, truth):
        seen.append((type(estimator), rows.tolist(), truth.tolist()))
        return float(estimator.score(rows, truth))

    estimator = pipeline(SAMPLERS["several"], nets()["ours"])
    search = searched(estimator, scoring=judge, return_train_score=True).fit(X, Y)
    parts = [part for train, valid in CV.split(X, Y) for part in (valid, train)]
    oracle = [(Pipeline, X[rows].tolist(), Y[rows].tolist()) for rows in parts]
    assert sorted(seen, key=str) == sorted(oracle, key=str)
    oracle = plain(estimator, return_train_score=True)
    assert scores(search, "train") == pytest.approx(oracle["train_score"], abs=0.02)


def test_rows_held_out_reach_no_step():
    seen = []

    class Looks(BaseEstimator):
        def fit_resample(self, X, y):
            seen.append(set(X[:, 0].astype(int)))
            return X, y

    rows = np.arange(180.0)[:, None]
    estimator = pipeline([Looks(), SMOTE(random_state=0)], nets()["ours"])
    searched(estimator, refit=False).fit(rows, Y)
    assert seen == [set(train) for train, _ in CV.split(rows, Y)]


@pytest.mark.parametrize("steps", SELECTING)
def test_weights_follow_the_rows_that_are_selected(steps):
    """The oracle weighs by the rows that the samplers have taken, found by numbering them."""
    estimator = pipeline(SAMPLERS[steps], nets()["ours"])
    numbered = fit_heads(estimator, X, Y, {"net__sample_weight": WEIGHT, "net__rows": ROWS}, False)
    assert np.array_equal(numbered.params["sample_weight"], WEIGHT[numbered.params["rows"]])
    assert np.array_equal(numbered.y, Y[numbered.params["rows"]])
    search = searched(estimator, scoring="neg_log_loss").fit(X, Y, net__sample_weight=WEIGHT)
    for fold, (train, valid) in enumerate(CV.split(X, Y)):
        heads = fit_heads(clone(estimator), X[train], Y[train], {"net__w": WEIGHT[train]}, False)
        net = clone(nets()["ours"]).fit(heads.X, heads.y, sample_weight=heads.params["w"])
        rows = X[valid]
        for head in heads.heads:
            rows = head.transform(rows)
        truth = np.log(net.predict_proba(rows)[np.arange(len(valid)), Y[valid]]).mean()
        assert scores(search)[fold] == pytest.approx(truth, abs=1e-4)


def test_weights_of_a_transformer_behind_a_sampler():
    estimator = make_pipeline(Reversed(), StandardScaler(), nets()["ours"])
    given = {"standardscaler__sample_weight": WEIGHT}
    heads = fit_heads(estimator, X, Y, given, routing=False)
    oracle = StandardScaler().fit(X, sample_weight=WEIGHT)
    assert np.allclose(heads.X, oracle.transform(X)[::-1])


@pytest.mark.parametrize("steps", MADE_UP)
@pytest.mark.parametrize("last", [nets()["ours"], LogisticRegression()])
def test_weights_of_rows_that_are_made_up_are_refused_before_training(steps, last):
    search = searched(pipeline(SAMPLERS[steps], last), {"net": [last]}, max_resources=180)
    with pytest.raises(InvalidSettingsError, match="`sample_weight` has a value for each row"):
        search.fit(X, Y, net__sample_weight=WEIGHT)


def test_a_sampler_that_says_nothing_is_found_out_when_it_is_fitted():
    estimator = pipeline(SAMPLERS["users"], nets()["ours"])
    with pytest.raises(InvalidSettingsError, match="Doubled does not tell"):
        searched(estimator).fit(X, Y, net__sample_weight=WEIGHT)
    searched(estimator).fit(X, Y, step0__sample_weight=WEIGHT)


def test_weights_in_front_of_a_sampler_and_values_for_no_row():
    estimator = make_pipeline(StandardScaler(), SMOTE(random_state=0), nets()["ours"])
    given = {"standardscaler__sample_weight": WEIGHT, "mlpclassifier__note": "whole"}
    assert not list(untraced_parameters(estimator, X, given, routing=False))
    heads = fit_heads(estimator, X, Y, given, routing=False)
    assert heads.params == {"note": "whole"}
    assert np.allclose(heads.heads[0][0].mean_, StandardScaler().fit(X, sample_weight=WEIGHT).mean_)


def test_a_whole_that_is_fitted_anew_has_weights_follow():
    estimator = make_pipeline(Reversed(), LogisticRegression())
    given = {"logisticregression__sample_weight": WEIGHT}
    fitted = fit_whole(estimator, X, Y, given, routing=False)
    oracle = LogisticRegression().fit(X[::-1], Y[::-1], sample_weight=WEIGHT[::-1])
    assert np.array_equal(fitted[-1].coef_, oracle.coef_)


def test_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        net = nets()["ours"].set_fit_request(sample_weight=True)
        estimator = make_pipeline(scaler, RandomUnderSampler(random_state=0), net)
        heads = fit_heads(estimator, X, Y, {"sample_weight": WEIGHT}, routing=True)
        selected = estimator[1].sample_indices_
        smote = make_pipeline(scaler, SMOTE(), net)
        assert len(list(untraced_parameters(smote, X, {"sample_weight": WEIGHT}, True))) == 1
    assert np.array_equal(heads.params["sample_weight"], WEIGHT[selected])
    assert np.array_equal(scaler.mean_, StandardScaler().fit(X, sample_weight=WEIGHT).mean_)


def test_classes_are_those_of_all_rows_also_when_a_sampler_drops_one():
    labels = np.where(np.arange(180) % 3 == 0, "c", np.where(Y == 1, "b", "a"))

    def without_c(X, y):
        return X[y != "c"], y[y != "c"]

    for net in nets().values():
        if isinstance(net, NeuralNetClassifier):
            net.set_params(module=Three)
        estimator = pipeline([FunctionSampler(func=without_c)], net)
        search = searched(estimator, scoring="neg_log_loss").fit(X, labels)
        assert search.classes_.tolist() == ["a", "b", "c"]
        assert search.predict_proba(X).shape == (180, 3)
        assert set(search.predict(X)) <= {"a", "b"}


class Three(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, X):
        return self.layer(X)


def test_samplers_are_hyperparameters_like_others():
    estimator = pipeline([RandomUnderSampler(random_state=0)], nets()["ours"])
    space = {"step0": [SMOTE(random_state=0), "passthrough", None, RandomOverSampler()]}
    search = searched(estimator, space, scoring="neg_log_loss").fit(X, Y)
    for number, step in enumerate(space["step0"][:3]):
        oracle = plain(estimator.set_params(step0=step), scoring="neg_log_loss")
        row = [search.cv_results_[f"split{fold}_test_score"][number] for fold in range(3)]
        assert row == pytest.approx(oracle["test_score"], abs=1e-4)


def test_pipelines_within_pipelines_and_a_memory(tmp_path):
    inner = make_pipeline(RandomOverSampler(random_state=0), nets()["ours"])
    steps = [("scale", StandardScaler()), ("less", RandomUnderSampler(random_state=0))]
    estimator = Pipeline([*steps, ("inner", inner)], memory=str(tmp_path))
    space = {"inner__mlpclassifier__lr": [0.01]}
    search = searched(estimator, space, scoring="neg_log_loss").fit(X, Y)
    oracle = plain(estimator, scoring="neg_log_loss")
    assert scores(search) == pytest.approx(oracle["test_score"], abs=1e-4)
    assert search.best_estimator_[1].sample_indices_ is not None


def test_a_transformer_that_encodes_the_rows_that_it_is_fitted_on_otherwise():
    """The training score is that of predictions, as scikit-learn has it."""
    columns = (X * 3).astype(int)
    estimator = pipeline([TargetEncoder(cv=KFold(3))], nets()["ours"])
    given = {"scoring": "neg_log_loss", "return_train_score": True}
    search = searched(estimator, **given).fit(columns, Y)
    oracle = cross_validate(estimator, columns, Y, cv=CV, **given)
    assert scores(search, "train") == pytest.approx(oracle["train_score"], abs=1e-4)


def test_a_storage_is_gone_on_with(tmp_path):
    estimator = pipeline(SAMPLERS["several"], nets()["users"])
    first = searched(estimator, storage=tmp_path).fit(X, Y)
    again = searched(clone(estimator), storage=tmp_path).fit(X, Y)
    assert scores(first).tolist() == scores(again).tolist()
    assert np.array_equal(first.predict_proba(X), again.predict_proba(X))
    other = clone(estimator).set_params(step0__k_neighbors=3)
    with pytest.raises(StorageError, match="k_neighbors"):
        searched(other, storage=tmp_path).fit(X, Y)


def test_is_sampler():
    assert is_sampler(SMOTE())
    assert not any(map(is_sampler, (StandardScaler(), "passthrough", None, torch.nn)))
