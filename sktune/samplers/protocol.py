"""What a sampler is: something that proposes settings, given all that is known so far."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from sktune.candidates import History, Params
from sktune.space import setting_key


class Sampler(Protocol):
    """Proposes hyperparameters. Any object with this method can be the ``sampler`` of a search.

    A sampler that makes no use of the scores says so by an attribute ``learns = False``: Hyperband
    then runs its brackets side by side, which keeps more cores busy.

    Examples
    --------
    A sampler of one's own, which goes through a list:

    >>> class Listed:
    ...     learns = False
    ...     settings = [{"lr": 0.1}, {"lr": 0.01}, {"lr": 0.001}]
    ...     def propose(self, n_candidates, history):
    ...         start = len(history.candidates)
    ...         return self.settings[start : start + n_candidates]
    >>> Listed().propose(2, History())
    [{'lr': 0.1}, {'lr': 0.01}]
    """

    def propose(self, n_candidates: int, history: History) -> Sequence[Params]:
        """Return ``n_candidates`` new settings, fewer only when the space is exhausted.

        Parameters
        ----------
        n_candidates : int
            How many settings are asked for.
        history : History
            Every candidate proposed and every report so far, of all rungs; not to be changed.
        """


def unseen(
    draws: Iterable[Params], n_candidates: int, history: History, patience: int
) -> list[Params]:
    """Return the first settings among the draws that are not in the history, each once.

    ``patience`` is the number of draws in a row without a new one after which there is none.
    """
    seen = {setting_key(candidate.params) for candidate in history.candidates}
    found: list[Params] = []
    n_vain = 0
    for params in draws:
        key = setting_key(params)
        n_vain = n_vain + 1 if key in seen else 0
        if key not in seen:
            seen.add(key)
            found.append(params)
        if len(found) == n_candidates or n_vain > patience:
            break
    return found
