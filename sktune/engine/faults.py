"""Who is to blame when a job is lost, and how often it is tried again.

When a worker process dies, all jobs of the pool are lost with it, and nobody says whose fault it
was. So they are tried again together, and those that are lost once more one by one: a job that is
lost while it runs alone is to blame.
"""

from dataclasses import dataclass, replace
from typing import Self

from sktune.exceptions import LostWorkerError

_TOGETHER = 1


@dataclass(frozen=True)
class Faults:
    """What has befallen a job: faults of its own, and losses in company.

    >>> faults = Faults().after(LostWorkerError("it died", n_suspects=2))
    >>> faults, faults.must_be_alone
    (Faults(n_own=0, n_shared=1), False)
    >>> faults.after(LostWorkerError("it died", n_suspects=1))
    Faults(n_own=1, n_shared=1)
    """

    n_own: int = 0
    n_shared: int = 0

    @classmethod
    def last_chance(cls, max_retries: int) -> Self:
        """Return the faults of a part of a job that has failed too often: it is tried once."""
        return cls(max_retries, _TOGETHER + 1)

    def after(self, error: Exception) -> "Faults":
        """Return the faults when the job has ended with an error."""
        n_suspects = error.n_suspects if isinstance(error, LostWorkerError) else 1
        if n_suspects == 1:
            return replace(self, n_own=self.n_own + 1)
        return replace(self, n_shared=self.n_shared + (n_suspects > 1))

    @property
    def must_be_alone(self) -> bool:
        """Whether nothing else may run beside the job."""
        return self.n_shared > _TOGETHER
