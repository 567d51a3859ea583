import numpy as np
import pandas as pd
import pytest

from sktune.exceptions import InvalidSettingsError
from sktune.search.tabular import digits, read_table, table_pipeline


@pytest.fixture
def write(tmp_path):
    def made(content, name="data.csv"):
        path = tmp_path / name
        if isinstance(content, pd.DataFrame):
            content.to_csv(path, index=False)
        else:
            path.write_bytes(content)
        return str(path)

    return made


def flowers(n=60):
    rng = np.random.RandomState(0)
    kind = np.array(["a", "b", "c"])[np.arange(n) % 3]
    return pd.DataFrame(
        {
            "length": rng.randn(n) + np.arange(n) % 3,
            "colour": rng.choice(["red", "blue", None], n),
            "count": rng.randint(0, 9, n),
            "price": rng.randn(n),
            "kind": kind,
        }
    )


class TestTask:
    @pytest.mark.parametrize(
        ("target", "task"),
        [("kind", "classification"), ("count", "classification"), ("price", "regression")],
    )
    def test_it_is_found_from_the_target(self, write, target, task):
        assert read_table(write(flowers()), target).task == task

    def test_many_whole_numbers_are_a_quantity(self, write):
        frame = pd.DataFrame({"x": range(50), "y": range(50)})
        assert read_table(write(frame), "y").task == "regression"

    def test_it_can_be_said(self, write):
        assert read_table(write(flowers()), "count", "regression").task == "regression"


class TestPipeline:
    def test_numbers_categories_and_missing_values(self, write):
        frame = flowers()
        frame.loc[::7, "length"] = np.nan
        frame["empty"] = np.nan
        table = read_table(write(frame), "kind")
        columns = table_pipeline(table, seed=0)[0]
        rows = columns.fit_transform(table.X)
        assert rows.shape[0] == 60
        assert np.isfinite(rows).all()
        strange = table.X.assign(colour="green", length=np.nan)
        assert np.isfinite(columns.transform(strange)).all()

    def test_rows_without_a_target_are_left_out(self, write):
        frame = flowers()
        frame.loc[:9, "kind"] = None
        assert len(read_table(write(frame), "kind").y) == 50

    def test_question_marks_are_missing_values(self, write):
        table = read_table(write(b"a,y\n1, x\n?,y\n3,x\n4,y\n"), "y")
        assert table.X["a"].isna().tolist() == [False, True, False, False]
        assert table.y.tolist() == ["x", "y", "x", "y"]

    def test_the_digits(self):
        train, test = digits().split(0.25, seed=0)
        assert (len(train.y), len(test.y)) == (1347, 450)
        assert np.bincount(test.y).min() >= 43
        assert digits().split(0, seed=0)[1] is None


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "target", "message"),
        [
            (b"", "y", "the file is empty"),
            (b"x,y\n", "y", "no rows with a target"),
            (b"x,y\n1,\n2,\n", "y", "no rows with a target"),
            (b"x,price\n1,2\n", "prise", "did you mean 'price'"),
            (b"x,y\n1,2\n", None, "--target, one of x, y"),
            (b"x,y\n1,2\n", "zzzzzz", "its columns are x, y"),
            (b"y\n1\n2\n", "y", "no column besides"),
            (b"x,y\n1,a\n2,a\n", "y", "there is nothing to learn"),
            (b"x,y\n1,a\n2,b\n3,b\n", "y", "the class 'a' of 'y' has a single row"),
            (b"\xff\xfe\x00\x81\n", "y", "no CSV file"),
            (b'x,y\n1,2\n3,4,5,6\n"', "y", "no CSV file"),
        ],
    )
    def test_with_a_way_out_in_one_line(self, write, content, target, message):
        with pytest.raises(InvalidSettingsError, match=message) as caught:
            read_table(write(content), target)
        assert len(str(caught.value).splitlines()) == 1

    def test_text_is_no_quantity(self, write):
        with pytest.raises(InvalidSettingsError, match="does not hold finite numbers"):
            read_table(write(flowers()), "kind", "regression")

    def test_paths(self, tmp_path):
        with pytest.raises(InvalidSettingsError, match="no such file"):
            read_table(str(tmp_path / "none.csv"), "y")
        with pytest.raises(InvalidSettingsError, match="is a directory"):
            read_table(str(tmp_path), "y")

    def test_without_pandas(self, write, monkeypatch):
        import sys

        path = write(b"x,y\n1,2\n")
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(InvalidSettingsError, match=r"sktune\[table\]"):
            read_table(path, "y")
