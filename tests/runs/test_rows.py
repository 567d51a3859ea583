"""Rows of any kind reach a module as plain NumPy conversion would give them, in its precision."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from skorch import NeuralNet
from skorch.dataset import Dataset
from skorch.helper import SliceDict
from torch import nn

from sktune.nets import sparse as sparse_rows
from sktune.runs.rows import (
    ArrayDataset,
    frame_numbers,
    is_plain,
    precision,
    reaches_by_name,
    rows_for,
)

WHOLE = np.random.default_rng(0).integers(0, 5, size=(12, 3))
NUMBERS = WHOLE + 0.1
FLAGS = WHOLE > 2
TYPES = {torch.float32: np.float32, torch.float64: np.float64}


class Layer(nn.Module):
    """A module of one precision."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.layer = nn.Linear(3, 2, dtype=dtype)

    def forward(self, X):
        return self.layer(X)


class Looks(nn.Module):
    """Its rows are whole numbers which it looks up."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.table, self.layer = nn.Embedding(5, 1, dtype=dtype), nn.Linear(3, 2, dtype=dtype)

    def forward(self, X):
        return self.layer(self.table(X)[..., 0])


class Casts(Layer):
    """It takes any numbers."""

    def forward(self, X):
        return super().forward(X.to(self.layer.weight.dtype))


class ByName(nn.Module):
    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.layer = nn.Linear(2, 2, dtype=dtype)

    def forward(self, age, dose):
        return self.layer(torch.cat([age, dose], dim=1))


def net_of(module=Layer, **settings):
    return NeuralNet(module, nn.MSELoss, **settings).initialize()


def extension_frame(values, dtype):
    return pd.DataFrame(values).astype(dtype)


def with_missing(dtype):
    frame = extension_frame(WHOLE, dtype)
    frame.iloc[1, 0] = pd.NA
    return frame


def arrow_frame(values):
    pytest.importorskip("pyarrow")
    return pd.DataFrame(values).convert_dtypes(dtype_backend="pyarrow")


def polars_frame(values):
    return pytest.importorskip("polars").DataFrame(np.asarray(values))


class Duck:
    """A frame of another library, of which only columns and NumPy's ways in are known."""

    def __init__(self, values):
        self._values = np.asarray(values)
        self.columns = [f"c{i}" for i in range(self._values.shape[1])]

    def __len__(self):
        return len(self._values)

    def __getitem__(self, name):
        return self._values[:, self.columns.index(name)]

    def to_numpy(self):
        return self._values


# What is given, and the numbers that it holds.
TABLES = {
    **{
        f"array of {dtype}": (lambda dtype=dtype: NUMBERS.astype(dtype), NUMBERS.astype(dtype))
        for dtype in ("float64", "float32", "float16")
    },
    **{
        f"array of {dtype}": (lambda dtype=dtype: WHOLE.astype(dtype), WHOLE)
        for dtype in ("int64", "int32", "int8", "uint8", "uint16")
    },
    "array of bool": (lambda: FLAGS, FLAGS),
    "Fortran order": (lambda: np.asfortranarray(NUMBERS), NUMBERS),
    "objects": (lambda: NUMBERS.astype(object), NUMBERS),
    "whole objects": (lambda: WHOLE.astype(object), WHOLE),
    "bool objects": (lambda: FLAGS.astype(object), FLAGS),
    "objects with None": (lambda: np.where(FLAGS, None, NUMBERS), np.where(FLAGS, np.nan, NUMBERS)),
    "lists": (lambda: NUMBERS.tolist(), NUMBERS),
    "tuples of whole numbers": (lambda: tuple(map(tuple, WHOLE.tolist())), WHOLE),
    "frame": (lambda: pd.DataFrame(NUMBERS), NUMBERS),
    "named frame": (lambda: pd.DataFrame(NUMBERS, columns=[*"abc"]), NUMBERS),
    "columns of one name": (lambda: pd.DataFrame(NUMBERS, columns=[*"aab"]), NUMBERS),
    "columns with two names": (
        lambda: pd.DataFrame(NUMBERS, columns=pd.MultiIndex.from_product([["a"], [*"xyz"]])),
        NUMBERS,
    ),
    "frame of whole numbers": (lambda: pd.DataFrame(WHOLE), WHOLE),
    "frame of bools": (lambda: pd.DataFrame(FLAGS), FLAGS),
    "frame of halves": (lambda: pd.DataFrame(NUMBERS.astype("float16")), NUMBERS.astype("float16")),
    "frame of objects": (lambda: pd.DataFrame(NUMBERS.astype(object)), NUMBERS),
    "mixed frame": (
        lambda: pd.DataFrame({"a": WHOLE[:, 0], "b": FLAGS[:, 1], "c": NUMBERS[:, 2]}),
        np.column_stack([WHOLE[:, 0], FLAGS[:, 1], NUMBERS[:, 2]]),
    ),
    **{
        f"nullable {dtype}": (lambda dtype=dtype: extension_frame(WHOLE, dtype), WHOLE)
        for dtype in ("Int64", "UInt8", "Float32", "Float64")
    },
    "nullable boolean": (lambda: extension_frame(FLAGS, "boolean"), FLAGS),
    "nullable with NA": (
        lambda: with_missing("Int64"),
        with_missing("Float64").to_numpy(float, na_value=np.nan),
    ),
    "floats with NA": (
        lambda: with_missing("Float64"),
        with_missing("Float64").to_numpy(float, na_value=np.nan),
    ),
    "categories of numbers": (lambda: pd.DataFrame(WHOLE).astype("category"), WHOLE),
    "Arrow": (lambda: arrow_frame(NUMBERS), NUMBERS),
    "whole Arrow": (lambda: arrow_frame(WHOLE), WHOLE),
    "polars": (lambda: polars_frame(NUMBERS), NUMBERS),
    "another library's frame": (lambda: Duck(NUMBERS), NUMBERS),
    "csr": (lambda: sparse.csr_matrix(NUMBERS * FLAGS), NUMBERS * FLAGS),
    "csc array": (lambda: sparse.csc_array(NUMBERS * FLAGS), NUMBERS * FLAGS),
    "coo of whole numbers": (lambda: sparse.coo_matrix(WHOLE), WHOLE),
    "dok of bools": (lambda: sparse.dok_matrix(FLAGS), FLAGS),
    "sparse frame": (
        lambda: pd.DataFrame(NUMBERS * FLAGS).astype(pd.SparseDtype(float, 0.0)),
        NUMBERS * FLAGS,
    ),
    "one dimension": (lambda: NUMBERS[:, 0], NUMBERS[:, 0]),
    "images": (lambda: NUMBERS.reshape(2, 2, 3, 3), NUMBERS.reshape(2, 2, 3, 3)),
    "memory map": (lambda: NUMBERS.view(np.memmap), NUMBERS),
}
WHOLE_TABLES = [
    *(f"array of {dtype}" for dtype in ("int64", "int32", "int8", "uint8", "uint16")),
    *("tuples of whole numbers", "frame of whole numbers", "nullable Int64", "nullable UInt8"),
    "whole Arrow",
]


class TestTables:
    @pytest.mark.parametrize("dtype", TYPES, ids=str)
    @pytest.mark.parametrize("name", TABLES)
    def test_numbers_come_in_the_precision_of_the_module(self, name, dtype):
        make, oracle = TABLES[name]
        found = rows_for(net_of(module__dtype=dtype), make())
        assert type(found) in (np.ndarray, np.memmap)
        assert found.dtype == TYPES[dtype]
        assert np.array_equal(found, np.asarray(oracle).astype(TYPES[dtype]), equal_nan=True)

    @pytest.mark.parametrize("name", WHOLE_TABLES)
    def test_whole_numbers_stay_whole_for_an_embedding(self, name):
        found = rows_for(net_of(Looks), TABLES[name][0]())
        assert found.dtype.kind in "iu"
        assert np.array_equal(found, WHOLE)
        torch.nn.Embedding(5, 1)(torch.as_tensor(found))  # of a type that torch looks up

    @pytest.mark.parametrize("name", WHOLE_TABLES)
    def test_whole_numbers_stay_as_they_are_for_a_module_that_casts(self, name):
        given = TABLES[name][0]()
        found = rows_for(net_of(Casts), given)
        assert found.dtype.kind in "iu"
        assert found.dtype == getattr(given, "dtype", found.dtype)

    def test_whole_numbers_are_asked_about_once(self):
        net = net_of(Looks)
        short = rows_for(net, WHOLE[:4])
        net.module_.forward = None  # not called again
        assert rows_for(net, WHOLE).dtype == short.dtype

    def test_what_is_as_the_module_takes_it_is_not_copied(self):
        array = NUMBERS.astype(np.float32)
        assert np.shares_memory(rows_for(net_of(), array), array)
        image = WHOLE.astype(np.uint8)
        assert np.shares_memory(rows_for(net_of(Casts), image), image)

    def test_a_module_without_weights_is_single(self):
        assert precision(SimpleNamespace(module_=nn.Identity())) == np.float32

    @pytest.mark.parametrize(
        ("dtype", "expected"),
        [(torch.half, np.float16), (torch.bfloat16, np.float32), (torch.float64, np.float64)],
    )
    def test_precision(self, dtype, expected):
        assert precision(net_of(module__dtype=dtype)) == expected

    @pytest.mark.parametrize(
        "texts",
        [
            np.array(["img-1", "img-2"]),
            np.array(["img-1", "img-2"], dtype=object),
            ["img-1", "img-2"],
            np.array([{"a": 1}, {"a": 2}], dtype=object),
            np.array(["2020-01-01", "2021-01-01"], dtype="M8[D]"),
            np.array([1j, 2j]),
        ],
        ids=lambda texts: str(getattr(texts, "dtype", "list")),
    )
    def test_what_is_no_number_passes(self, texts):
        found = rows_for(net_of(), texts)
        assert np.array_equal(found, np.asarray(texts))
        assert found.dtype == np.asarray(texts).dtype

    def test_a_frame_of_texts_is_refused(self):
        with pytest.raises(ValueError, match="could not convert string"):
            rows_for(net_of(), pd.DataFrame({"a": ["x", "y"], "b": ["z", "w"]}))

    @pytest.mark.parametrize(
        "given", [torch.ones(2, 3), Dataset(NUMBERS)], ids=["tensor", "data set"]
    )
    def test_what_is_torchs_passes(self, given):
        assert rows_for(net_of(), given) is given

    def test_rows_of_different_lengths_raise_as_numpy_does(self):
        with pytest.raises(ValueError, match="inhomogeneous"):
            rows_for(net_of(), [[1.0], [2.0, 3.0]])


class TestSparse:
    def test_large_tables_stay_sparse(self, monkeypatch):
        monkeypatch.setattr(sparse_rows, "_SMALL", 0)
        found = rows_for(net_of(), sparse.coo_matrix(NUMBERS))
        assert found.format == "csr"
        assert found.dtype == np.float32
        assert np.array_equal(found.toarray(), NUMBERS.astype(np.float32))

    @pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil", "bsr", "dia"])
    def test_sparse_arrays_are_indexed_as_matrices_are(self, kind, monkeypatch):
        monkeypatch.setattr(sparse_rows, "_SMALL", 0)
        array = getattr(sparse, f"{kind}_array")(NUMBERS * FLAGS)
        matrix = getattr(sparse, f"{kind}_matrix")(NUMBERS * FLAGS)
        one, other = (Dataset(rows_for(net_of(), X))[1][0] for X in (array, matrix))
        assert np.array_equal(one, other)

    def test_complex_numbers_pass(self):
        assert rows_for(net_of(), sparse.csr_matrix(NUMBERS * 1j)).dtype == np.complex128


class TestSeveralInputs:
    @pytest.mark.parametrize("dtype", TYPES, ids=str)
    @pytest.mark.parametrize("kind", [dict, SliceDict])
    def test_parts_of_a_dict(self, kind, dtype):
        found = rows_for(net_of(module__dtype=dtype), kind(a=NUMBERS, b=WHOLE, c=FLAGS))
        assert type(found) is kind
        assert found["a"].dtype == TYPES[dtype]
        assert np.array_equal(found["a"], NUMBERS.astype(TYPES[dtype]))
        assert found["b"] is WHOLE
        assert found["c"] is FLAGS

    @pytest.mark.parametrize("kind", [list, tuple])
    def test_parts_of_a_list(self, kind):
        found = rows_for(net_of(), kind([NUMBERS, WHOLE]))
        assert type(found) is kind
        assert [part.dtype for part in found] == [np.float32, WHOLE.dtype]

    def test_tensors_among_the_parts_pass(self):
        tensor = torch.ones(2, 3, dtype=torch.float64)
        assert rows_for(net_of(), {"X": tensor})["X"] is tensor


class TestColumnsByName:
    FRAME = pd.DataFrame({"age": NUMBERS[:, 0], "dose": NUMBERS[:, 1]})

    # pandas gives out its columns as views that cannot be written to, to plain skorch, too
    @pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
    @pytest.mark.parametrize("dtype", TYPES, ids=str)
    def test_a_frame_reaches_forward_by_its_columns(self, dtype):
        net = net_of(ByName, module__dtype=dtype)
        found = rows_for(net, self.FRAME)
        assert {name: part.shape for name, part in found.items()} == {
            "age": (12, 1),
            "dose": (12, 1),
        }
        oracle = net.module_.layer(torch.tensor(NUMBERS[:, :2], dtype=dtype))
        assert torch.equal(net.forward(found), oracle)

    def test_whole_columns_stay_whole(self):
        found = rows_for(net_of(ByName), self.FRAME.assign(age=WHOLE[:, 0]))
        assert found["age"].dtype == WHOLE.dtype
        assert found["dose"].dtype == np.float32

    def test_a_table_of_one_column_may_have_the_name_of_the_argument(self):
        found = rows_for(
            net_of(nn.Linear, module__in_features=1, module__out_features=2),
            pd.DataFrame({"input": NUMBERS[:, 0]}),
        )
        assert np.array_equal(found, NUMBERS[:, :1].astype(np.float32))

    @pytest.mark.parametrize(
        ("forward", "columns", "expected"),
        [
            (lambda a, b: 0, ["a", "b"], True),
            (lambda a, b: 0, ["b", "a"], True),
            (lambda a, *, b: 0, ["a", "b"], True),
            (lambda a, b=0: 0, ["a", "b"], True),
            (lambda a, b, c=0: 0, ["a", "b"], True),
            (lambda a, b: 0, ["a"], False),
            (lambda a, b: 0, ["a", "b", "c"], False),
            (lambda a, b: 0, ["x", "y"], False),
            (lambda X: 0, ["X"], False),
            (lambda X: 0, ["a", "b"], False),
            (lambda X, mask=None: 0, ["X"], False),
            (lambda X, **rest: 0, ["X"], False),
            (lambda X, **rest: 0, ["a", "b"], False),
            (lambda X, **rest: 0, ["X", "b"], True),
            (lambda **columns: 0, ["a"], True),
            (lambda **columns: 0, ["a", "b"], True),
            (lambda *parts: 0, ["a", "b"], False),
            (lambda a, b: 0, [0, 1], False),
            (lambda **columns: 0, [0, 1], False),
        ],
    )
    def test_which_do(self, forward, columns, expected):
        assert reaches_by_name(SimpleNamespace(forward=forward), columns) is expected


def test_numbers_of_a_frame_without_columns():
    assert frame_numbers(pd.DataFrame(index=range(3)), np.float32).shape == (3, 0)


class TestArrayDataset:
    TABLES = {
        "array": NUMBERS,
        "images": NUMBERS.reshape(4, 3, 3),
        "one dimension": NUMBERS[:, 0],
        "csr": sparse.csr_matrix(NUMBERS),
    }

    @pytest.mark.parametrize("has_y", [True, False])
    @pytest.mark.parametrize("name", TABLES)
    def test_it_gives_what_skorchs_gives_row_by_row(self, name, has_y):
        X = self.TABLES[name]
        n_rows = X.shape[0]
        y = np.arange(n_rows) if has_y else None
        assert is_plain(X, y)
        one, other = ArrayDataset(X, y), Dataset(X, y)
        assert len(one) == len(other) == n_rows
        loader = torch.utils.data.DataLoader
        for few in ([0], [2, 0, 1], list(range(n_rows))):
            expected = next(iter(loader(torch.utils.data.Subset(other, few), batch_size=len(few))))
            found = torch.utils.data.default_convert(one[few])
            assert torch.equal(found[0], expected[0].reshape(found[0].shape))
            if has_y:
                assert torch.equal(found[1], expected[1])
        for part, expected in zip(one[1], other[1], strict=True):
            assert np.array_equal(part, expected)

    @pytest.mark.parametrize(
        ("X", "y"),
        [
            (NUMBERS.tolist(), WHOLE[:, 0]),
            (pd.DataFrame(NUMBERS), WHOLE[:, 0]),
            ({"a": NUMBERS}, WHOLE[:, 0]),
            (torch.ones(12, 3), WHOLE[:, 0]),
            (NUMBERS, WHOLE[:, 0].tolist()),
            (NUMBERS, pd.Series(WHOLE[:, 0])),
            (NUMBERS, {"y": WHOLE}),
        ],
        ids=lambda part: type(part).__name__,
    )
    def test_for_other_things_skorchs_is_taken(self, X, y):
        assert not is_plain(X, y)
