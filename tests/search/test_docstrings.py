"""The docstring of each search stands alone in help()."""

import inspect
import re

import pytest

from sktune import AsyncHalvingSearchCV, HyperbandSearchCV, SuccessiveHalvingSearchCV

SEARCHES = [SuccessiveHalvingSearchCV, HyperbandSearchCV, AsyncHalvingSearchCV]


def entries(kind, section):
    text = inspect.getdoc(kind).split(f"{section}\n{'-' * len(section)}\n")[1]
    text = re.split(r"\n\n\w+\n-+\n", text)[0]
    heads = [line for line in text.splitlines() if line and not line.startswith(" ")]
    return [name for head in heads for name in head.partition(" :")[0].split(", ")]


@pytest.mark.parametrize("kind", SEARCHES)
def test_each_parameter_is_described_once(kind):
    parameters = list(inspect.signature(kind).parameters)
    assert sorted(entries(kind, "Parameters")) == sorted(parameters)


@pytest.mark.parametrize("kind", SEARCHES)
def test_nothing_is_left_to_another_docstring(kind):
    assert "As there" not in inspect.getdoc(kind)


@pytest.mark.parametrize("kind", SEARCHES[1:])
def test_attributes_are_those_of_halving(kind):
    assert sorted(entries(kind, "Attributes")) == sorted(
        entries(SuccessiveHalvingSearchCV, "Attributes")
    )
