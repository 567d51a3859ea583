"""What a fitted search shows of itself: its results as a table, and in a notebook."""

import os
from pathlib import Path
from typing import Any

from sklearn.utils import estimator_html_repr

from sktune.report import Optimism, SearchData, notebook_html, optimism, results, write_report


class Viewing:
    """Shows the results of a search, once there are any."""

    @property
    def results_(self) -> Any:
        """The results as a pandas.DataFrame: a row for each candidate, the best first.

        Each stands as it was at the last rung that it reached; ``cv_results_`` has a row for each
        rung. Hyperparameters have short names where nothing is ambiguous; ``score`` and ``std`` are
        over the folds.
        """
        if not isinstance(self._data, SearchData):
            raise AttributeError(
                f"This {type(self).__name__} has no results yet: call fit(X, y) first."
            )
        return results(self._data)

    @property
    def optimism_(self) -> Optimism | None:
        """An estimate of how much too high ``best_score_`` is; see :func:`sktune.optimism`."""
        if self._data is None or not hasattr(self, "best_score_"):
            raise AttributeError(f"This {type(self).__name__} has no `best_score_`.")
        return optimism(self._data)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write what was found as one HTML file, for people who will not open Python.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        path : Path
            The file.

        Raises
        ------
        InvalidSettingsError
            If the search is not fitted, or plotly or pandas is missing, which
            ``pip install 'sktune[report]'`` brings.
        """
        return write_report([self], path)

    @property
    def _data(self) -> SearchData | None:
        return vars(self).get("_found")

    def _html_repr(self) -> str:
        """Return scikit-learn's diagram, and under it what was found."""
        diagram: str = estimator_html_repr(self)
        return diagram if self._data is None else diagram + notebook_html(self._data)
