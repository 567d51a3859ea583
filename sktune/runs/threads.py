"""How many threads the refit of a candidate is worth, which has the cores to itself."""

from skorch import NeuralNet

from sktune.candidates import Params
from sktune.nets.threads import multiplications, n_threads
from sktune.runs.fold import PreparedFold
from sktune.runs.kinds import kind_of
from sktune.runs.setup import Setup


def threads_of_refit(setup: Setup, params: Params, fold: PreparedFold) -> int:
    """Return the number of threads, at most, to refit a candidate on a fold's rows."""
    if not isinstance(setup.last(params), NeuralNet):
        return 1
    shape = tuple(getattr(fold.train.X, "shape", ()))
    try:
        net = setup.net(params)
        module, row_shape = kind_of(net).module(net, shape[1:])
        return n_threads(_n_rows(net, shape) * multiplications(module, row_shape))
    except Exception:  # what cannot be made will say so when it is trained
        return 1


def _n_rows(net: NeuralNet, shape: tuple[int, ...]) -> int:
    """Return the rows of a mini-batch; -1 is all there are."""
    n_rows = int(net.batch_size)
    return n_rows if n_rows > 0 else (shape or (1,))[0]
