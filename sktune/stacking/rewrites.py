"""Functions of torch in the same mathematics, that can be batched over networks in fewer calls.

The functions are called as torch calls its own: with the tensors of one network.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode


@contextmanager
def rewritten() -> Iterator[None]:
    """Call what is here in place of torch's functions in a block."""
    # Of the kernels for attention, torch.func can batch this one only.
    with _Rewrites(), sdpa_kernel(SDPBackend.MATH):
        yield


class _Rewrites(TorchFunctionMode):
    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call a function in its other form if there is one for these arguments."""
        kwargs = kwargs or {}
        found = _FORMS[function](*args, **kwargs) if function in _FORMS else None
        return function(*args, **kwargs) if found is None else found


def _linear(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor | None:
    """Return an affine map as a product and a sum; torch's own multiplies biases by one, too."""
    if x.dim() < 2:
        return None
    rows = x if x.dim() == 2 else x.flatten(0, -2)
    product = rows @ weight.t()
    found = product if bias is None else product + bias
    return found if x.dim() == 2 else found.unflatten(0, x.shape[:-1])


def _cross_entropy(
    logits: torch.Tensor,
    y: torch.Tensor,
    weight: torch.Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> torch.Tensor | None:
    """Return the cross-entropy of classes that are none to be ignored."""
    settings = (weight, size_average, reduce, ignore_index, label_smoothing)
    if settings != (None, None, None, -100, 0.0) or y.dim() != 1 or logits.dim() != 2:
        return None
    # With the rows side by side, since torch's softmax is slow between few numbers side by side.
    log_probabilities = torch.log_softmax(logits.t().contiguous(), 0)
    return _reduced(_chosen(log_probabilities, 0, y), reduction)


def _nll_loss(
    log_probabilities: torch.Tensor,
    y: torch.Tensor,
    weight: torch.Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> torch.Tensor | None:
    """Return the negative logarithm of the probabilities of classes that are none to be ignored."""
    settings = (weight, size_average, reduce, ignore_index)
    if settings != (None, None, None, -100) or y.dim() != 1 or log_probabilities.dim() != 2:
        return None
    return _reduced(_chosen(log_probabilities, 1, y), reduction)


def _chosen(log_probabilities: torch.Tensor, axis: int, y: torch.Tensor) -> torch.Tensor:
    # A class that is none, or is to be ignored, raises: nothing stacked is computed then.
    return -log_probabilities.gather(axis, y.unsqueeze(axis)).squeeze(axis)


def _reduced(losses: torch.Tensor, reduction: str) -> torch.Tensor:
    return losses if reduction == "none" else getattr(losses, reduction)()


_FORMS: Mapping[Any, Callable[..., torch.Tensor | None]] = {
    functional.linear: _linear,
    functional.cross_entropy: _cross_entropy,
    functional.nll_loss: _nll_loss,
}
