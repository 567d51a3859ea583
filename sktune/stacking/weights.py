"""The weights of a stack: one tensor with a row for each network.

The networks' own parameters are views of it. Whatever looks at a network between two epochs sees
it as it is, and whatever writes into its parameters writes into the stack.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn

# A row begins at a whole cache line, so that a network's position in the stack cannot show in
# how its numbers are vectorised.
_ALIGNMENT = 16

Tensors = Mapping[str, torch.Tensor]


def tensors_of(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the parameters and buffers of a module by name; shared ones have one name."""
    yield from module.named_parameters()
    yield from module.named_buffers()


class StackedWeights:
    """The parameters and buffers of modules of one structure.

    Attributes
    ----------
    flat : Tensor of shape (n_networks, n_weights)
        All trained weights, a row for each network.
    slices : dict of str to slice
        The columns of each parameter.
    weights, buffers : dict of str to Tensor
        The same by name, of shape (n_networks, ...); frozen parameters are among the buffers.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.modules = modules
        first = modules[0]
        trained = {n: p for n, p in first.named_parameters() if p.requires_grad}
        ends = torch.tensor([0] + [p.numel() for p in trained.values()]).cumsum(0).tolist()
        self.n_weights = ends[-1]
        self.slices = {
            name: slice(a, b) for name, a, b in zip(trained, ends[:-1], ends[1:], strict=True)
        }
        self._shapes = {name: p.shape for name, p in trained.items()}
        like = next(iter(trained.values()))
        width = -(-self.n_weights // _ALIGNMENT) * _ALIGNMENT
        self.flat = like.new_zeros(len(modules), width)
        self.weights = self.by_name(self.flat)
        self.buffers = {
            name: tensor.detach().new_zeros((len(modules), *tensor.shape))
            for name, tensor in tensors_of(first)
            if name not in trained
        }
        for row in range(len(modules)):
            self.load(row)
            self.bind(row)

    def by_name(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return views of a tensor that is laid out like ``flat``."""
        return {
            name: flat[:, columns].view(len(flat), *self._shapes[name])
            for name, columns in self.slices.items()
        }

    def load(self, row: int) -> None:
        """Copy a network's own weights and buffers into its row."""
        with torch.no_grad():
            for name, tensor in tensors_of(self.modules[row]):
                place = self._place(name)[row]
                if place.data_ptr() != tensor.data_ptr():
                    place.copy_(tensor)

    def bind(self, row: int) -> None:
        """Make a network's parameters and buffers views of its row."""
        for name, tensor in tensors_of(self.modules[row]):
            tensor.data = self._place(name)[row]

    def release(self, row: int) -> None:
        """Give a network weights of its own, which the stack can no longer change."""
        for _, tensor in tensors_of(self.modules[row]):
            tensor.data = tensor.data.clone()

    def _place(self, name: str) -> torch.Tensor:
        return self.weights[name] if name in self.weights else self.buffers[name]
