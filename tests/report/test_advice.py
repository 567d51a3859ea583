"""Advice is given where the numbers say so, and nowhere else."""

from sktune.report.advice import advice
from sktune.report.optimism import Optimism, optimism
from tests.report import made_up


def said(data, found=None):
    return " ".join(advice(data, found))


def test_a_score_that_still_rose_asks_for_more():
    rising = made_up.search(score=lambda p, n, fold, rng: n + 0.01 * fold)
    assert "still gained 18 at the last rung, from 9 to 27 epochs" in said(rising)
    level = made_up.search(score=lambda p, n, fold, rng: 0.5 + 0.01 * fold)
    assert said(level) == ""


def test_failures_are_counted():
    data = made_up.search(fails=lambda candidate: candidate == 0)
    assert "5 of 200 runs failed" in said(data)


def test_a_best_score_that_flatters_is_named():
    data = made_up.search(score=lambda p, n, fold, rng: 0.5)
    assert "about 0.04 too high: expect 0.46" in said(data, Optimism(0.5, 0.46, 0.04, 0.01))
    assert said(data, Optimism(0.5, 0.495, 0.005, 0.01)) == ""
    assert said(data, optimism(data)) == ""
