"""Which hyperparameters mattered, at each rung, by Optuna's PED-ANOVA."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sktune.exceptions import TooLittleDataWarning
from sktune.report.axes_of_values import ValueAxis
from sktune.report.data import SearchData, Source
from sktune.report.extras import extra
from sktune.report.optuna_trials import created_trial, quiet_optuna
from sktune.report.tables import frame, scores_by_setting

_COLUMNS = ("n_resources", "hyperparameter", "importance", "low", "high", "n_candidates")
_FEWEST, _MOST = 10, 1000
_MOST_CHOICES = 8  # numbers that are told apart like words


def importances(source: Source, *, n_samples: int = 50, random_state: int = 0) -> Any:
    """Return how much each hyperparameter mattered for being among the best.

    At each resource by itself, since candidates of different rungs do not compare, PED-ANOVA
    (Watanabe, Bansal and Hutter, IJCAI 2023; Optuna's) asks how far the values of the best tenth
    differ from those of all candidates. No model of the scores is fitted. Of more than 1,000
    candidates at a resource, 1,000 are drawn by chance.

    Parameters
    ----------
    source : fitted search or path
        A search, or the directory of its storage.
    n_samples : int, default=50
        Halves of the candidates, drawn by chance, that the range comes from: they spread about as
        much as searches of the whole size would.
    random_state : int, default=0
        Seed of these samples.

    Returns
    -------
    table : pandas.DataFrame
        A row for each resource and hyperparameter: ``importance``, whose sum is 1 at each resource;
        the ``low`` and ``high`` ends of the middle 80 % of the samples; ``n_candidates``. The most
        important come first, resources in order.

    Warns
    -----
    TooLittleDataWarning
        If no rung had ten candidates; the table is empty then.

    Raises
    ------
    InvalidSettingsError
        If Optuna or pandas is missing, which ``pip install 'sktune[optuna,table]'`` brings.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktune import MLPClassifier, SuccessiveHalvingSearchCV, importances
    >>> space = {"lr": [1e-5, 1e-4, 1e-3, 1e-2], "dropout": [0.0, 0.1, 0.2]}
    >>> search = SuccessiveHalvingSearchCV(
    ...     MLPClassifier(), space, sampler="grid", max_resources=3, cv=3, random_state=0)
    >>> table = importances(search.fit(*load_iris(return_X_y=True)))
    >>> table["hyperparameter"][0]
    'lr'
    """
    data = SearchData.of(source)
    table, names = scores_by_setting(data)
    table = table[table["status"] == "ok"]
    axes = {name: ValueAxis.of(list(table[name])) for name in names}
    varied = [name for name in names if len(axes[name].numbers) > 1]
    rng, found = np.random.default_rng(random_state), list[dict[str, Any]]()
    for n_resources, here in table.groupby("n_resources"):
        if len(here) > _MOST:
            here = here.iloc[rng.permutation(len(here))[:_MOST]]
        if len(here) >= _FEWEST and here["score"].nunique() > 1 and varied:
            trials = _Trials(here, {name: axes[name] for name in varied})
            samples = [trials.halved(rng).importances() for _ in range(n_samples)]
            found += _rows(n_resources, trials.importances(), samples, len(here))
    if not found:
        warnings.warn(
            f"No rung has {_FEWEST} candidates with different scores and a hyperparameter that "
            "varies, which is too little to tell what mattered: search with more candidates.",
            TooLittleDataWarning,
            stacklevel=2,
        )
    return frame(found, _COLUMNS)


def _rows(
    n_resources: int,
    found: Mapping[str, float],
    samples: Sequence[Mapping[str, float]],
    n_candidates: int,
) -> Iterator[dict[str, Any]]:
    for name in sorted(found, key=lambda name: -found[name]):
        values = [sample[name] for sample in samples] or [np.nan]
        low, high = np.quantile(values, [0.1, 0.9])
        ends = {"low": float(low), "high": float(high), "n_candidates": n_candidates}
        whose = {"n_resources": n_resources, "hyperparameter": name}
        yield {**whose, "importance": found[name], **ends}


class _Trials:
    """Candidates of one resource as Optuna has them."""

    def __init__(self, table: Any, axes: Mapping[str, ValueAxis]) -> None:
        self._optuna = extra("optuna", "optuna", "importances")
        spaces = {name: self._space(axis) for name, axis in axes.items()}
        settings = table[list(axes)].to_dict("records")
        self._trials = [
            created_trial(self._optuna, params, axes, spaces, value=-score)
            for score, params in zip(table["score"], settings, strict=True)
        ]
        self._names = list(axes)

    def _space(self, axis: ValueAxis) -> Any:
        kinds = self._optuna.distributions
        if axis.words or len(axis.numbers) <= _MOST_CHOICES:
            return kinds.CategoricalDistribution(list(axis.words or axis.numbers))
        return kinds.FloatDistribution(axis.low, axis.high, log=axis.is_log)

    def halved(self, rng: np.random.Generator) -> "_Trials":
        """Return half of them, drawn without replacement."""
        found = object.__new__(_Trials)
        vars(found).update(vars(self))
        n = len(self._trials)
        found._trials = [self._trials[k] for k in rng.permutation(n)[: n // 2]]
        return found

    def importances(self) -> dict[str, float]:
        """Return the importance of each hyperparameter; they add up to 1, or all are 0."""
        share = min(0.5, max(0.1, _FEWEST / 2 / len(self._trials)))
        with quiet_optuna("importances") as optuna, warnings.catch_warnings():
            # Where too many scores are equal, all importances are, which says enough.
            warnings.filterwarnings("ignore", "Target and region quantiles")
            evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=share)
            study = optuna.create_study()
            study.add_trials(self._trials)
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        return {name: float(found.get(name, 0.0)) for name in self._names}
