"""What a sampler is: something that proposes settings, given all that is known so far."""

from collections.abc import Iterator, Sequence
from itertools import islice
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


class Unseen:
    """Lets through, of any draws, settings that are not in the history, each once."""

    def __init__(self, history: History) -> None:
        self._seen = {setting_key(candidate.params) for candidate in history.candidates}

    def __len__(self) -> int:
        """Return how many settings there are that would not be let through."""
        return len(self._seen)

    def first(self, draws: Iterator[Params], n_tries: int) -> Params | None:
        """Return the next new setting, None if there is none among so many draws."""
        for params in islice(draws, n_tries):
            key = setting_key(params)
            if key not in self._seen:
                self._seen.add(key)
                return params
        return None


def unseen(
    draws: Iterator[Params], n_candidates: int, history: History, patience: int
) -> list[Params]:
    """Return as many new settings as are asked for, or as there seem to be.

    There seems to be none after ``patience`` draws in vain, beside one for each setting known.
    """
    new, found = Unseen(history), list[Params]()
    while len(found) < n_candidates:
        params = new.first(draws, patience + len(new))
        if params is None:
            break
        found.append(params)
    return found
