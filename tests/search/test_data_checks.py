"""What data and machine do not allow is said before anything is trained, all at once."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from scipy.stats import uniform
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from sktune import (
    AsyncHalvingSearchCV,
    ConvNetClassifier,
    Float,
    HyperbandSearchCV,
    MLPClassifier,
    MLPRegressor,
    SuccessiveHalvingSearchCV,
)
from sktune.engine import Engine
from sktune.exceptions import InvalidSettingsError
from tests.user_nets import classifier

X, Y = load_iris(return_X_y=True)
KINDS = [SuccessiveHalvingSearchCV, HyperbandSearchCV, AsyncHalvingSearchCV]
MISSING = np.where(np.arange(600).reshape(150, 4) == 77, np.nan, X)
COLOURS = pd.DataFrame(X, columns=list("abcd")).assign(colour="red", shape="round")


@pytest.fixture(autouse=True)
def _nothing_is_trained(request, monkeypatch):
    if "taken" not in request.node.name:
        monkeypatch.setattr(Engine, "run", None)


def search(net, space=None, kind=SuccessiveHalvingSearchCV, **settings):
    space = {"lr": [0.1, 0.01]} if space is None else space
    settings = {"max_resources": 3, "cv": 3, "random_state": 0, **settings}
    return kind(net, space, **settings)


REFUSED = [
    (MLPClassifier(device="cuda"), X, Y, {}, "`device`='cuda' of MLPClassifier .* no GPU here"),
    (MLPClassifier(device="cuda:7"), X, Y, {}, "`device`='cuda:7'"),
    (classifier(device="cuda"), X.astype("f"), Y, {}, "`device`='cuda' of NeuralNetClassifier"),
    (MLPClassifier(device="gpu"), X, Y, {}, "`device`='gpu' must be a torch device"),
    (MLPClassifier(width=0), X, Y, {}, "`width`=0 must be a whole number"),
    (MLPClassifier(), X, Y, {"scoring": "roc_auc"}, "`scoring`: roc_auc cannot judge.*multi_class"),
    (MLPClassifier(), X, Y, {"scoring": "f1"}, ": f1 cannot.*multiclass"),
    (MLPClassifier(), X, np.array(["a", "b"])[Y % 2], {"scoring": "f1"}, "pos_label=1"),
    (MLPClassifier(), X, np.array(["a", "b"])[Y % 2], {"scoring": "r2"}, "could not convert"),
    (MLPRegressor(), X, X[:, 0], {"scoring": "accuracy"}, "continuous"),
    (MLPRegressor(), X, X[:, 0], {"scoring": "neg_log_loss"}, "predict_proba"),
    (classifier(), X.astype("f"), Y, {"scoring": ["f1"], "refit": "f1"}, "f1 cannot judge"),
    (MLPClassifier(), MISSING, Y, {}, "X contains NaN.*SimpleImputer"),
    (MLPRegressor(), MISSING, X[:, 0], {}, "X contains NaN.*SimpleImputer"),
    (MLPClassifier(), np.where(MISSING < 9, X, np.inf), Y, {}, "X contains infinity"),
    (MLPClassifier(), COLOURS, Y, {}, "text in the columns 'colour', 'shape'.*OneHotEncoder"),
    (MLPClassifier(), COLOURS.to_numpy(), Y, {}, "`X` holds text, .*OneHotEncoder"),
    (ConvNetClassifier(image_shape=(3, 3)), X, Y, {}, "image_shape"),
]


@pytest.mark.parametrize(("net", "X", "y", "settings", "said"), REFUSED)
def test_what_cannot_work_is_refused(net, X, y, settings, said):
    with pytest.raises(InvalidSettingsError, match=f"(?s){said}"):
        search(net, **settings).fit(X, y)


@pytest.mark.parametrize("kind", KINDS)
def test_by_every_search_and_all_at_once(kind):
    found = search(MLPClassifier(device="cuda", width=-1), kind=kind, scoring="roc_auc")
    with pytest.raises(InvalidSettingsError) as caught:
        found.fit(COLOURS, Y)
    lines = str(caught.value).splitlines()
    assert [sum(word in line for line in lines) for word in ("cuda", "width", "auc", "colour")] == [
        1
    ] * 4


@pytest.mark.parametrize("n_rows", [150, 1500])
@pytest.mark.parametrize(
    "step", [StandardScaler(), make_pipeline(StandardScaler(), MinMaxScaler())]
)
def test_missing_values_that_reach_the_net_behind_transformers_are_seen(step, n_rows):
    rows = np.tile(X, (n_rows // 150, 1))
    rows[-1, 0] = np.nan
    pipe = make_pipeline(step, MLPClassifier())
    with pytest.raises(InvalidSettingsError, match=r"X contains NaN.*SimpleImputer"):
        search(pipe, {"mlpclassifier__lr": [0.1]}).fit(rows, np.tile(Y, n_rows // 150))


def test_texts_that_reach_the_net_behind_transformers_are_seen():
    half = make_column_transformer((OneHotEncoder(), ["shape"]), remainder="passthrough")
    pipe = make_pipeline(half, MLPClassifier())
    with pytest.raises(InvalidSettingsError, match=r"`X` holds text.*OneHotEncoder"):
        search(pipe, {"mlpclassifier__lr": [0.1]}).fit(COLOURS, Y)


def test_transformers_of_plain_tables_are_not_tried_taken():
    class Counting(StandardScaler):
        n_fits = 0

        def fit(self, X, y=None):
            Counting.n_fits += 1
            return super().fit(X, y)

    pipe = make_pipeline(Counting(), MLPClassifier())
    search(pipe, {"mlpclassifier__lr": [0.1]}, refit=False).fit(X, Y)
    assert Counting.n_fits == 3


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (pd.DataFrame, "X contains NaN"),
        (lambda rows: pd.DataFrame(rows).convert_dtypes(), "X contains NaN"),
        (lambda rows: rows.tolist(), ""),
        (csr_array, ""),
    ],
)
def test_rows_of_any_kind_are_looked_at_or_taken(kind, said):
    rows = np.tile(X, (10, 1))
    rows[-1, 0] = np.nan if said else 1.0
    pipe = make_pipeline(StandardScaler(with_mean=False), MLPClassifier())
    found = search(pipe, {"mlpclassifier__lr": [0.1]}, refit=False)
    if said:
        with pytest.raises(InvalidSettingsError, match=said):
            found.fit(kind(rows), np.tile(Y, 10))
    else:
        found.fit(kind(rows), np.tile(Y, 10))


def test_behind_transformers_few_rows_alone_decide_nothing_taken():
    def picky(rows):
        return rows if len(rows) > 600 else np.full(rows.shape, np.nan)

    pipe = make_pipeline(FunctionTransformer(picky), MLPClassifier())
    rows, y = np.tile(X, (10, 1)).astype(object), np.tile(Y, 10)
    cv = [(np.arange(700), np.arange(700, 1400))]
    assert search(pipe, {"mlpclassifier__lr": [0.1]}, cv=cv).fit(rows, y).best_score_ > 0.2


def test_behind_transformers_the_net_is_found():
    pipe = make_pipeline(StandardScaler(), MLPClassifier(device="cuda", depth=-1))
    with pytest.raises(InvalidSettingsError, match=r"(?s)`depth`=-1.*`device`='cuda'"):
        search(pipe, {"mlpclassifier__lr": [0.1]}, scoring="accuracy").fit(X, Y)


TAKEN = [
    (MLPClassifier(), X, Y, {"scoring": "roc_auc_ovr"}),
    (MLPClassifier(), X, np.array(["a", "b"])[Y % 2], {"scoring": "roc_auc"}),
    (make_pipeline(SimpleImputer(), MLPClassifier()), MISSING, Y, {}),
    (
        make_pipeline(
            make_column_transformer((OneHotEncoder(), ["colour", "shape"])), MLPClassifier()
        ),
        COLOURS,
        Y,
        {},
    ),
    (classifier(device=None), X.astype("f"), Y, {}),
    (LinearSVC(), X, Y % 2, {"scoring": "roc_auc", "max_resources": "auto"}),
]


@pytest.mark.parametrize(("net", "X", "y", "settings"), TAKEN)
def test_what_can_work_is_taken(net, X, y, settings):
    prefix = "mlpclassifier__" if "mlpclassifier" in str(net.get_params().keys()) else ""
    name = "C" if isinstance(net, LinearSVC) else f"{prefix}lr"
    assert search(net, {name: [0.1, 0.01]}, **settings).fit(X, y).best_score_ > 0.2


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"width": [-1, 0]}, "`width`=-1 .*\n`width`=0 must be a whole number, at least 1"),
        ({"dropout": Float(1.0, 1.5)}, "`dropout`=1.45 must be a finite number"),
        ({"lr": uniform(-2, 1)}, "`lr`=-1.9 must be a finite number above 0"),
        ([{"lr": [0.1]}, {"optimizer": ["Adam"]}], "`optimizer`='Adam' must be one of"),
        ({"device": ["cuda"]}, "`device`='cuda' of MLPClassifier cannot be used"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "mlpclassifier__"])
def test_values_that_cannot_work_are_refused(space, said, prefix):
    net = make_pipeline(StandardScaler(), MLPClassifier()) if prefix else MLPClassifier()
    parts = space if isinstance(space, list) else [space]
    renamed = [{prefix + name: values for name, values in part.items()} for part in parts]
    with pytest.raises(InvalidSettingsError, match=said):
        search(net, renamed).fit(X, Y)


def test_values_that_cannot_work_among_others_fail_alone_when_taken():
    with pytest.warns(FitFailedWarning, match="`optimizer`='Adam'"):
        found = search(MLPClassifier(), {"optimizer": ["adam", "Adam"]}, n_candidates=2).fit(X, Y)
    assert found.best_params_ == {"optimizer": "adam"}


def test_bounds_that_are_not_drawn_are_taken():
    space = {"lr": uniform(0, 0.1), "dropout": uniform(0, 1), "weight_decay": Float(0.0, 0.1)}
    assert search(MLPClassifier(), space, n_candidates=2).fit(X, Y).best_score_ > 0.2


def test_what_is_searched_for_is_not_judged_by_the_settings_taken():
    net = MLPClassifier(width=0, device="cuda")
    space = {"width": [4, 8], "device": ["cpu"]}
    assert search(net, space).fit(X, Y).best_params_["device"] == "cpu"


@pytest.mark.parametrize(
    ("device", "n_gpus", "said"),
    [
        ("cuda", 0, "torch finds no GPU here"),
        ("cuda", 1, ""),
        ("cuda:1", 1, "torch finds 1 GPU here"),
        (torch.device("cuda", 1), 2, ""),
        ("cpu", 0, ""),
        (None, 0, ""),
        ("gpu", 0, "torch has no device of this name"),
        (3.5, 0, "torch has no device of this name"),
    ],
)
def test_devices(device, n_gpus, said, monkeypatch):
    from sktune.runs import lack_of

    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
    assert lack_of(device) == said
