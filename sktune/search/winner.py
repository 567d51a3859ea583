"""The best candidate made ready to predict: refitted on all rows, or its folds averaged."""

from typing import Any

from sktune.candidates import Candidate
from sktune.engine import Engine
from sktune.exceptions import InvalidSettingsError
from sktune.search.ensemble import fold_ensemble


def refitted(engine: Engine, candidate: Candidate, n_resources: int) -> Any:
    """Return a candidate trained from the start on all rows, as far as it went in the search."""
    if not engine.refit.is_trained(candidate, n_resources):
        engine.announce_refit(candidate.candidate_id)
    return engine.refit.estimator(candidate, n_resources)


def ensemble(engine: Engine, candidate: Candidate, n_resources: int) -> Any:
    """Return the average of a candidate's networks, one per fold, which are already trained."""
    networks = engine.fold_networks(candidate, n_resources)
    if networks is None:
        raise InvalidSettingsError(
            "`ensemble`=True averages fold networks, which are kept as far as each candidate "
            "was trained: let the `refit` callable return a candidate's last row, of those "
            "that reached the last rung, or set ensemble=False."
        )
    return fold_ensemble(networks)
