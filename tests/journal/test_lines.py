"""Each line is sealed over itself and all lines before it."""

import json
import zlib

import pytest

from sktune.journal.lines import seal, unseal

EVENTS = [{"event": "one"}, {"event": "two", "text": 'ö", {}\n', "n": [1, 2.5, None]}, {"n": {}}]


def sealed(events):
    lines, checksum = [], 0
    for event in events:
        line, checksum = seal(event, checksum)
        lines.append(line)
    return lines


def unsealed(lines):
    events, checksum = [], 0
    for line in lines:
        event, checksum = unseal(line.removesuffix(b"\n"), checksum)
        events.append(event)
    return events


def test_events_come_back_from_lines_of_json():
    lines = sealed(EVENTS)
    assert unsealed(lines) == EVENTS
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)
    for line, event in zip(lines, EVENTS, strict=True):
        assert {name: v for name, v in json.loads(line).items() if name != "crc"} == event


def test_the_seal_is_the_checksum_of_the_events_so_far():
    so_far = b""
    for line, event in zip(sealed(EVENTS), EVENTS, strict=True):
        so_far += json.dumps(event, separators=(",", ":")).encode()
        assert json.loads(line)["crc"] == f"{zlib.crc32(so_far):08x}"


@pytest.mark.parametrize("order", [[1], [0, 2], [1, 0, 2], [0, 0, 1], [0, 1, 1]])
def test_lines_that_are_missing_doubled_or_moved_are_told(order):
    lines = sealed(EVENTS)
    with pytest.raises(ValueError, match="checksum"):
        unsealed([lines[number] for number in order])


def test_every_changed_bit_is_told():
    first, second, _ = sealed(EVENTS)
    for place in range(len(second) - 1):
        for bit in range(8):
            changed = bytearray(second)
            changed[place] ^= 1 << bit
            with pytest.raises(ValueError, match="checksum"):
                unsealed([first, bytes(changed)])


def test_what_json_has_no_word_for_is_not_written():
    with pytest.raises(ValueError, match="JSON"):
        seal({"score": float("nan")}, 0)
