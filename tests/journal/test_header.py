"""The first line of a journal says whose search it is, and refuses others."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sktune.exceptions import StorageError
from sktune.journal.header import Header
from sktune.journal.identity import Mark, differences

PATH = Path("kept")
IDENTITY = {
    "data": {"X": Mark("150 x 4 float64", "a1"), "y": Mark("150 int64", "b2")},
    "settings": {"factor": Mark("3", "c3")},
}
HEADER = Header(IDENTITY, 7, "epochs", 5, [{"rung": 0, "n_resources": 1}])


def with_mark(group, name, mark):
    return replace(HEADER, identity={**IDENTITY, group: {**IDENTITY[group], name: mark}})


def test_it_comes_back_from_json():
    line = json.loads(json.dumps(HEADER.to_json()))
    assert Header.from_json(line, PATH) == HEADER


@pytest.mark.parametrize("change", [{"format": 0}, {"format": None}, {"event": "Stopped"}])
def test_other_formats_are_refused(change):
    with pytest.raises(StorageError, match="format"):
        Header.from_json(HEADER.to_json() | change, PATH)


def test_the_same_search_goes_on_however_it_is_shown():
    HEADER.check(HEADER, PATH)
    HEADER.check(with_mark("data", "X", Mark("a frame", "a1")), PATH)
    # the seed is not part of the identity: it is taken from the journal
    HEADER.check(replace(HEADER, seed=8), PATH)


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (with_mark("settings", "factor", Mark("4", "d4")), "settings: `factor` was 3 and is 4"),
        (with_mark("data", "y", Mark("150 int64", "e5")), "data: `y` looks the same, but is not"),
        (with_mark("data", "z", Mark("new", "f6")), "data: `z` was absent and is new"),
        (replace(HEADER, identity={"data": IDENTITY["data"]}), "`factor` was 3 and is absent"),
    ],
)
def test_another_search_is_refused_by_what_differs(other, line):
    (found,) = differences(IDENTITY, other.identity)
    assert line in found
    with pytest.raises(StorageError, match="belongs to another search") as caught:
        HEADER.check(other, PATH)
    assert found in str(caught.value).splitlines()
