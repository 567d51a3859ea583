"""Docstrings that stand alone: what a class shares with another is written once, and copied."""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

Kind = TypeVar("Kind", bound=type)
_SECTION = re.compile(r"    \S[^\n]*\n    -+\n")
# An entry that stands for those of the other class, whose names are listed before it.
_THERE = re.compile(r"        As there\. ?")


def described_as(other: type) -> Callable[[Kind], Kind]:
    """Replace each entry of a class's docstring that says "As there." by those of another class.

    Its names may be several; "and more" stands for all of the section that are not named. An entry
    with a type keeps that. What it says besides is put after the text of the last.

    Examples
    --------
    >>> class First:
    ...     '''First.
    ...
    ...     Parameters
    ...     ----------
    ...     a : int
    ...         A number.
    ...     b : str
    ...         A text.
    ...     '''
    >>> @described_as(First)
    ... class Second:
    ...     '''Second.
    ...
    ...     Parameters
    ...     ----------
    ...     a, b
    ...         As there. Not empty.
    ...     '''
    >>> for line in Second.__doc__.splitlines()[4:-1]:
    ...     print(line.strip())
    a : int
    A number.
    b : str
    A text.
    Not empty.
    """

    def describe(kind: Kind) -> Kind:
        known = dict(_sections(other.__doc__ or ""))
        text = kind.__doc__ or ""
        for title, entries in _sections(text):
            for entry in entries:
                if "As there." in entry:
                    text = text.replace(entry, _filled(entry, entries, known.get(title, [])), 1)
        kind.__doc__ = text
        return kind

    return describe


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the sections of a docstring that have entries, each entry with its text."""
    titles = list(_SECTION.finditer(text))
    ends = [*(title.start() for title in titles[1:]), len(text)]
    for title, end in zip(titles, ends, strict=True):
        body = text[title.end() : end]
        starts = [match.start() for match in re.finditer(r"^    (?=\S)", body, re.MULTILINE)]
        parts = [body[a:b] for a, b in zip(starts, [*starts[1:], len(body)], strict=True)]
        yield title.group().split()[0], [part.rstrip() + "\n" for part in parts if part.strip()]


def _names(entry: str) -> list[str]:
    head = entry.splitlines()[0].partition(" :")[0]
    return re.findall(r"\w+", head.replace(" and more", ""))


def _filled(entry: str, mine: list[str], others: list[str]) -> str:
    wanted = set(_names(entry))
    if " and more" in entry.splitlines()[0]:
        own = {name for other in mine if other is not entry for name in _names(other)}
        wanted = {name for other in others for name in _names(other)} - own
    found = [other for other in others if wanted & set(_names(other))]
    head, _, rest = entry.partition("\n")
    if " :" in head:
        # Of a type of its own, it has the text only.
        text = found[0].partition("\n")[2]
        found = [f"{head}\n{text}"]
    more = _THERE.sub("        ", rest, count=1).strip("\n")
    return "".join(found) + (f"{more}\n" if more.strip() else "")
