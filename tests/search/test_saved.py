"""Results on disk: all of them or nothing."""

import pytest

from sktune.exceptions import InvalidSettingsError
from sktune.processes import Process
from sktune.search.saved import result_directory

DEAD = Process.current()._replace(start=1)


def test_a_result_is_there_when_the_block_ends_well(tmp_path):
    goal = tmp_path / "new" / "result[1]"
    with result_directory(str(goal)) as scratch:
        (scratch / "model").touch()
        assert not goal.exists()
    assert [path.name for path in goal.iterdir()] == ["model"]
    assert list(goal.parent.iterdir()) == [goal]
    assert goal.stat().st_mode & 0o777 == 0o755


def test_nothing_is_there_when_it_does_not(tmp_path):
    with pytest.raises(KeyError), result_directory(str(tmp_path / "new" / "result")):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_what_a_killed_search_has_left_beside_it_goes(tmp_path):
    abandoned = tmp_path / f".result-{'-'.join(map(str, DEAD))}-0123abcd"
    abandoned.mkdir()
    with result_directory(str(tmp_path / "result")):
        assert not abandoned.exists()


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(InvalidSettingsError, match="cannot be written"),
        result_directory(str(tmp_path / "file" / "result")),
    ):
        pytest.fail("entered")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
