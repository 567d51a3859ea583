"""How much the best score flatters: it is the highest of many that were measured with noise.

The best candidate was chosen by the folds that its score is the mean of. Here the choice is made
again without each fold in turn, and what is chosen is scored on that fold, as in nested
cross-validation (Varma and Simon, *Bias in error estimation when using cross-validation for model
selection*, BMC Bioinformatics 2006), but with the scores that are there: nothing is trained, as in
the bootstrap of Tsamardinos et al., *Bootstrapping the out-of-sample predictions for efficient and
accurate cross-validation*, Machine Learning 2018.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sktune.candidates import History
from sktune.report.data import SearchData, Source
from sktune.schedules import best

Scores = npt.NDArray[np.float64]
Folds = npt.NDArray[np.bool_]


class Optimism(NamedTuple):
    """An estimate of what the best candidate scores on rows that did not choose it.

    Attributes
    ----------
    best_score : float
        The mean over folds that the best candidate was chosen by.
    estimate : float
        The mean over folds of what was chosen without the fold.
    optimism : float
        The difference.
    standard_error : float
        Of ``estimate``, from the spread over folds.
    """

    best_score: float
    estimate: float
    optimism: float
    standard_error: float


def optimism(source: Source) -> Optimism | None:
    """Estimate by how much ``best_score_`` is too high, since it is the highest of many.

    The search is played again without each fold in turn: at each rung as many candidates go on as
    did, chosen by the mean of the other folds, and the one that wins is scored on the fold that was
    left out. The scores of a candidate that would have gone on but did not are foretold from its
    last ones, by a line through those of the candidates that went on.

    Parameters
    ----------
    source : fitted search or path
        A search, or the directory of its storage.

    Returns
    -------
    optimism : Optimism or None
        Its ``best_score``, ``estimate``, ``optimism`` and ``standard_error``; None if there is one
        fold only, or no candidate has a score on all folds.

    Notes
    -----
    Candidates are chosen by one fold less than the search had, so the estimate is rather too low
    than too high. Validation rows of one fold are training rows of the others, so that it is no
    substitute for rows that were held out.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktune import MLPClassifier, SuccessiveHalvingSearchCV, optimism
    >>> search = SuccessiveHalvingSearchCV(
    ...     MLPClassifier(), {"width": [8, 16, 32]}, sampler="grid", max_resources=3, cv=3)
    >>> found = optimism(search.fit(*load_iris(return_X_y=True)))
    >>> found.best_score - found.estimate == found.optimism
    True
    """
    history = SearchData.of(source).history
    place = best(history)
    standing = None if place is None else history.standing(place)
    if standing is None:
        return None
    brackets = [_Bracket(history, number) for number in sorted({b for b, _ in history.rungs()})]
    top = max(bracket.n_resources for bracket in brackets)
    highest = [bracket for bracket in brackets if bracket.n_resources == top]
    n_folds = highest[0].levels[-1].shape[1]
    if n_folds < 2:
        return None
    left_out = [_score_left_out(highest, fold) for fold in range(n_folds)]
    estimate = float(np.mean(left_out))
    error = float(np.std(left_out, ddof=1)) / math.sqrt(n_folds)
    return Optimism(standing.score, estimate, standing.score - estimate, error)


class _Bracket:
    """The scores of a bracket at each rung, with those that were not measured filled in.

    Attributes
    ----------
    levels : list of ndarray of shape (n_candidates, n_folds)
        The scores at each rung.
    counts : list of int
        How many candidates were scored there.
    n_resources : int
        That of the last rung, 0 if there is none.
    """

    def __init__(self, history: History, bracket: int) -> None:
        rungs = [rung for number, rung in history.rungs() if number == bracket]
        known = [(rung, _measured(history, bracket, rung)) for rung in rungs]
        known = [(rung, scores) for rung, scores in known if scores]
        self.counts = [len(scores) for _, scores in known]
        self.n_resources = history.n_resources(bracket, known[-1][0]) if known else 0
        self.levels = _filled([scores for _, scores in known])

    def winner(self, folds: Folds) -> Scores:
        """Return the scores at the last rung of who wins by some folds."""
        alive = np.arange(self.counts[0])
        for level, n_next in zip(self.levels, [*self.counts[1:], 1], strict=True):
            means = level[alive][:, folds].mean(axis=1)
            alive = np.sort(alive[np.argsort(-means, kind="stable")[:n_next]])
        scores: Scores = self.levels[-1][alive[0]]
        return scores


def _measured(history: History, bracket: int, rung: int) -> dict[int, list[float]]:
    """Return the scores on each fold, by candidate."""
    return {
        standing.candidate_id: [report.score for _, report in sorted(folds.items())]
        for standing in history.standings(bracket, rung)
        for folds in [history.folds(standing.candidate_id, bracket, rung)]
    }


def _filled(known: Sequence[dict[int, list[float]]]) -> list[Scores]:
    """Return the scores of all candidates of the first rung at every rung."""
    n_folds = max((len(scores) for rung in known for scores in rung.values()), default=0)
    levels: list[Scores] = []
    slope = 1.0
    for rung in known:
        level = np.array([_on_all_folds(rung.get(number, []), n_folds) for number in known[0]])
        is_known = np.isfinite(level[:, 0])
        if levels:
            before, after = levels[-1][is_known], level[is_known]
            slope = _slope(before, after, slope)
            off = levels[-1][~is_known] - before.mean(axis=0)
            level[~is_known] = after.mean(axis=0) + slope * off
        levels.append(level)
    return levels


def _on_all_folds(scores: Sequence[float], n_folds: int) -> Scores:
    """Return a score for each fold: low rungs may have fewer, which say nothing of the others."""
    mean = float(np.mean(scores)) if scores else math.nan
    return np.array([*scores, *[mean] * (n_folds - len(scores))])


def _slope(before: Scores, after: Scores, otherwise: float) -> float:
    """Return how much of a difference between candidates is still there at the next rung."""
    x, y = before - before.mean(axis=0), after - after.mean(axis=0)
    square = float((x**2).sum())
    return min(1.0, max(0.0, float((x * y).sum()) / square)) if square else otherwise


def _score_left_out(brackets: Sequence[_Bracket], fold: int) -> float:
    """Return the score on a fold of who wins by the others."""
    n_folds = brackets[0].levels[-1].shape[1]
    others = np.arange(n_folds) != fold
    winners = [bracket.winner(others) for bracket in brackets]
    return float(max(winners, key=lambda scores: scores[others].mean())[fold])
