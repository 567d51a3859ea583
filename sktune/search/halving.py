"""Successive halving with cross-validation over networks that are trained on, not again."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sktune.schedules import FoldRule, SuccessiveHalving, all_folds, growing_folds
from sktune.search.base import BaseSearch
from sktune.search.checks import candidate_mistakes, fold_mistakes
from sktune.search.resources import Limits
from sktune.space import Space
from sktune.synonyms import says_what_is_meant


class SuccessiveHalvingSearchCV(BaseSearch):
    """Tune an estimator by cross-validated successive halving, continuing the survivors.

    Every candidate is trained a little on each fold; the best 1/``factor`` go on from where they
    stopped, until the last rung has had ``max_resources`` epochs. The schedule is that of
    Jamieson and Talwalkar, AISTATS 2016; no epoch is trained twice.

    Parameters
    ----------
    estimator : estimator
        A skorch net (such as :class:`MLPClassifier`), any other estimator, or a pipeline that ends
        in one, with TransformedTargetRegressor around or in it. Transformers in front of a net, or
        of what has ``partial_fit``, are fitted once per fold and setting of their own
        hyperparameters.
    param_distributions : dict, list of dict, or "auto", default="auto"
        What may be tried, as for ``RandomizedSearchCV``: lists of values or distributions with
        ``rvs``, also :class:`Float`, :class:`Int`, :class:`Choice`, and Optuna's distributions;
        a list of dicts for settings that go with some values of others only. "auto" is
        :func:`suggest_space` of the estimator.
    sampler : {"random", "grid", "sobol", "tpe", "gp", "cma"} or object, default="random"
        What proposes candidates, none of them twice: random draws, every point of the grid, a
        scrambled Sobol sequence (scipy), Optuna's Parzen estimator, Gaussian process or CMA-ES
        (``pip install 'sktune[optuna]'``), which learn from the highest rung that has enough
        results, an Optuna sampler, or an object with the method
        ``propose(n_candidates, history)``.
    n_candidates : int or "exhaust", default="exhaust"
        Candidates of the first rung. "exhaust" takes ``max_resources // min_resources``, or the
        whole grid.
    factor : int, default=3
        One candidate in ``factor`` goes on, and has then ``factor`` times the epochs.
    resource : {"auto", "epochs", "passes", "n_samples"} or str, default="auto"
        What is allotted: epochs of a skorch net; passes over the data, of what has
        ``partial_fit``; rows, in proportion of the classes, the rungs nested and all validation
        rows scored; or the name of an integer parameter such as "n_estimators". With the last two
        the whole estimator is fitted anew at each rung, as in scikit-learn's halving searches.
        "auto" is the first of these that the final step can be given: rows, where its
        ``partial_fit`` refuses its settings; and where another estimator fits a skorch net, such
        as CalibratedClassifierCV, the net's ``max_epochs``.
    min_resources : int, "smallest" or "exhaust", default="smallest"
        The least resource of the first rung; both words mean 1, or of rows two for each fold and
        class. The last rung is exactly ``max_resources``, and the others are that divided by
        powers of ``factor``, rounded down.
    max_resources : int or "auto", default="auto"
        Resource of the last rung; "auto" is the net's ``max_epochs``, the estimator's
        ``max_iter``, or all rows. Learning-rate schedules of sktune's nets are laid out for this
        many epochs.
    aggressive_elimination : bool, default=False
        When there are too many candidates for the rungs, drop the surplus after the first rung,
        so that at most ``factor`` candidates are left for the last.
    cv : int, splitter or iterable, default=5
        As for ``GridSearchCV``; split once per ``fit``.
    scoring : str, callable, list, tuple, dict or None, default=None
        As for ``GridSearchCV``; None is the estimator's ``score``.
    refit : bool, str or callable, default=True
        Whether to train the best candidate on all rows; the name of the metric to choose by if
        there are several; or a function from ``cv_results_`` to the row to choose, such as
        :func:`one_standard_error` (rungs are then ranked by the first metric). In what it is
        given, a candidate that failed has ``error_score`` in all its rows, and it is never
        refitted.
    ensemble : bool, default=False
        Predict with the average of the best candidate's fold networks, which are already
        trained, in place of refitting.
    error_score : float or "raise", default=nan
        Score that ``cv_results_`` shows for a run that failed. Whatever it is, a failed
        candidate is out: it does not win by an earlier rung, and the next in rank takes its
        place. "raise" raises the error.
    return_train_score : bool, default=False
        Whether to score the training rows too.
    random_state : int, RandomState or None, default=None
        Source of every draw. An int gives the same results for any ``n_jobs`` and backend. A net
        with a ``random_state`` of its own keeps it. No global generator is touched.
    n_jobs : int or None, default=None
        Runs trained at once; None is 1 or what ``joblib.parallel_config`` says, -1 all cores.
        Threads share torch's one random generator and take turns: prefer processes.
    verbose : int, default=0
        1 prints a line per rung: candidates, epochs, best score so far, time.
    stacking : {"auto"}, False or int, default="auto"
        Whether networks of one structure are trained as one tensor program: folds, and candidates
        that differ only in learning rate, weight decay, dropout rates, schedule or seed. A number
        is the most networks of a stack; False trains one network at a time. What cannot be
        stacked is trained alone whatever it says.
    fold_schedule : {"all", "grow"}, default="all"
        Whether every rung has all folds, or low rungs fewer of them: the survivors catch up on the
        folds that come later, and the last rung has all (after Bergman, Purucker and Hutter, AutoML
        2024).
    time_budget : float or None, default=None
        Seconds after which no new work begins; the best candidate of the highest rung reached is
        the answer. What has begun is finished. The seconds that new worker processes need to
        start do not count.
    storage : path or None, default=None
        A directory that keeps the search. After a crash, or at the end of ``time_budget``, fit
        again with the same arguments: what is finished is not done again, and the results are those
        of a search that never stopped. A finished search comes back at once. ``n_jobs``,
        ``verbose`` and the limits of time may differ; anything else is refused. What is stored is
        read by :func:`read_storage` and ``python -m sktune show``. Going on with a search unpickles
        files of the directory, so do that with directories only whose code you would run.
    run_timeout : float or None, default=None
        Seconds that a run may take from one rung to the next; a stack of k networks may take k
        times as long. Its worker process is ended then, so there must be one: ``n_jobs=2``.
    max_retries : int, default=2
        How often runs are tried again, from where they were, whose worker process died or took too
        long. Those of a stack are then tried in halves, until the guilty one is found and fails.

    Attributes
    ----------
    best_estimator_ : estimator
        The refitted estimator, or the ensemble. A user's own skorch classifier answers with the
        codes 0, 1, ... of the classes, as skorch does; ``predict`` of the search with labels.
    best_params_, best_score_, best_index_
        Setting, mean cross-validated score and row in ``cv_results_`` of the best candidate:
        the best of the last rung, ties going to the network with fewer weights.
    optimism_ : Optimism or None
        An estimate of how much too high ``best_score_`` is, being the highest of many; see
        :func:`sktune.optimism`.
    results_ : pandas.DataFrame
        A row for each candidate at the last rung that it reached, the best first.
    cv_results_ : dict of ndarray
        scikit-learn's columns, a row for each candidate and rung, and ``candidate_id``,
        ``bracket``, ``rung``, ``n_parameters`` (trained weights), ``status`` ("ok", "diverged"
        or "failed") and ``error``. Fit times are of the network alone, since the rung before.
        ``params`` never contains the resource.
    history_ : list of dict
        A record for each run and rung: ``candidate_id``, ``fold``, ``bracket``, ``rung``,
        ``n_resources``, the scores, ``n_parameters``, ``fit_time`` and ``score_time`` in seconds,
        ``end_time`` in seconds since the search began, ``stack_size``, ``status``, ``error``.
    plan_ : Plan
        What ``plan()`` foretold.
    stacking_ : dict
        How many runs were trained "stacked" and "solo", the "mean_size" of their stacks, and for
        those alone the "reasons" with their counts.
    stop_reason_ : str
        "finished", "time_budget", "interrupted", or "callback" if a scikit-learn callback ended
        the search.
    n_resources_, n_candidates_ : list of int
        Epochs and candidates of each rung.
    n_remaining_candidates_, n_iterations_, min_resources_, max_resources_, n_splits_ : int
        As in scikit-learn's halving searches.
    n_possible_iterations_, n_required_iterations_ : int
        Rungs that the resources allow, and that the number of candidates asks for.
    scorer_, multimetric_
        As in ``GridSearchCV``.
    refit_time_ : float
        Seconds for which the refit was waited for. With several workers it is trained beside the
        last rung where that has one candidate, to the same result.
    classes_ : ndarray of shape (n_classes,)
        Labels of the whole ``y``, whatever a fold lacks.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if ``X`` had any.

    Raises
    ------
    InvalidSettingsError, StorageError, AllRunsFailedError
        By ``fit``: settings or a ``storage`` that cannot work, before anything is trained; no
        candidate with a finite score.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sktune import MLPClassifier, SuccessiveHalvingSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = SuccessiveHalvingSearchCV(
    ...     make_pipeline(StandardScaler(), MLPClassifier(random_state=0)),
    ...     {"mlpclassifier__lr": loguniform(1e-4, 1e-1), "mlpclassifier__width": [16, 32]},
    ...     n_candidates=9, max_resources=9, cv=3, random_state=0)
    >>> search.plan()
    bracket  rung  n_candidates  n_resources  epochs
          0     0             9            1       9
          0     1             3            3       6
          0     2             1            9       6
    21 epochs per fold
    >>> search.fit(X, y).score(X, y) > 0.9
    True
    >>> sorted(search.best_params_)
    ['mlpclassifier__lr', 'mlpclassifier__width']
    """

    @says_what_is_meant
    def __init__(
        self,
        estimator: Any,
        param_distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str = "auto",
        *,
        sampler: Any = "random",
        n_candidates: int | str = "exhaust",
        factor: int = 3,
        resource: str = "auto",
        min_resources: int | str = "smallest",
        max_resources: int | str = "auto",
        aggressive_elimination: bool = False,
        cv: Any = 5,
        scoring: Any = None,
        refit: bool | str | Callable[[Mapping[str, Any]], int] = True,
        ensemble: bool = False,
        error_score: float | str = float("nan"),
        return_train_score: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        stacking: Any = "auto",
        fold_schedule: str = "all",
        time_budget: float | None = None,
        storage: str | os.PathLike[str] | None = None,
        run_timeout: float | None = None,
        max_retries: int = 2,
    ) -> None:
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.sampler = sampler
        self.n_candidates = n_candidates
        self.factor = factor
        self.resource = resource
        self.min_resources = min_resources
        self.max_resources = max_resources
        self.aggressive_elimination = aggressive_elimination
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.ensemble = ensemble
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.stacking = stacking
        self.fold_schedule = fold_schedule
        self.time_budget = time_budget
        self.storage = storage
        self.run_timeout = run_timeout
        self.max_retries = max_retries

    def _mistakes(self) -> Iterator[str]:
        yield from candidate_mistakes(self)
        yield from fold_mistakes(self)

    def _schedule(self, space: Space, limits: Limits, n_splits: int) -> SuccessiveHalving:
        return SuccessiveHalving.of(
            n_candidates(self, space, limits),
            factor=int(self.factor),
            min_resources=limits.low,
            max_resources=limits.high,
            n_folds=n_splits,
            aggressive_elimination=self.aggressive_elimination,
            fold_rule=FOLD_RULES[self.fold_schedule],
        )


def n_candidates(search: Any, space: Space, limits: Limits) -> int:
    """Return how many candidates are begun: what is asked for, or as many as there are."""
    if isinstance(search.sampler, str) and search.sampler == "grid":
        return len(space.grid())
    wanted = search.n_candidates
    n_candidates = limits.high // limits.low if wanted == "exhaust" else int(wanted)
    return n_candidates if space.size is None else min(n_candidates, space.size)


FOLD_RULES: Mapping[str, FoldRule] = {"all": all_folds, "grow": growing_folds}
