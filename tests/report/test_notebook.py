"""What a notebook shows: everything escaped, nothing made up."""

from html.parser import HTMLParser

import pytest

from sktune.report import notebook_html
from tests.report import made_up
from tests.report.kinds import KINDS, brute_force_best


class Texts(HTMLParser):
    """Checks that tags are closed, and collects texts and tags."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.texts = [], set(), []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def read(html):
    parser = Texts()
    parser.feed(html)
    assert not parser.open
    return parser


@pytest.mark.parametrize("kind", KINDS)
def test_every_search_is_told(kind):
    data = KINDS[kind]()
    found = read(notebook_html(data))
    assert "script" not in found.tags
    best = brute_force_best(data)
    text = " ".join(found.texts)
    if best == best:
        assert f"{best:.4f}" in text
    else:
        assert "No candidate has a score on all folds." in text


def test_failures_are_told_with_their_reason():
    data = made_up.search(fails=lambda candidate: candidate in (3, 7))
    text = " ".join(read(notebook_html(data)).texts)
    assert "10 of 200 runs failed" in text
    assert "no <b>luck</b>" in text
