"""A recording does what the code does that was recorded, whatever numbers it is given."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn import functional

from sktune.stacking.recording import UnrecordableError, record
from sktune.stacking.rewrites import rewritten

N_NETWORKS, N_ROWS, N_FEATURES = 3, 6, 8


class Function(nn.Module):
    """A linear layer and what a user does with its outputs."""

    def __init__(self, function):
        super().__init__()
        self.first, self.function = nn.Linear(N_FEATURES, N_FEATURES), function

    def forward(self, X):
        return self.function(self.first(X))


def written_zeros(h):
    padded = h.new_zeros(len(h), N_FEATURES + 2)
    padded[:, 1:-1] = h
    padded[:, 0] += 1
    return padded * padded.flip(1)


def running_sum(h):
    total = torch.zeros_like(h[:, 0])
    for column in h.unbind(1):
        total += column
    return h * total.unsqueeze(1)


def in_place(h):
    h = h * 1
    h += 0.5
    h = h.relu_().clone()
    h[:, 2] = 3.0
    return h.mul_(2).unsqueeze_(1).squeeze_(1) ** 2


FUNCTIONS = {
    "products": lambda h: (h @ h.t()) @ h,
    "product and sum": lambda h: h @ h.t() @ h + h,
    "product used twice": lambda h: (lambda p: (p + h) * p)(h @ h.t() @ h),
    "einsum": lambda h: torch.einsum("bi,bj->bij", h, h).flatten(1),
    "scalars": lambda h: (2 * h + 1) / 3 - h.abs() ** 1.5,
    "where": lambda h: torch.where(h > 0, h, h.exp() - 1),
    "cumulative": lambda h: h.cumsum(1) * h.cumprod(0),
    "sorting": lambda h: h.sort(1).values * torch.arange(N_FEATURES),
    "several results": lambda h: h.max(1).values.unsqueeze(1) * torch.topk(h, 3).values,
    "indices": lambda h: h[:, [1, 3, 3]] * h[:, ::2][:, :1],
    "norms": lambda h: functional.normalize(h, dim=1) * torch.linalg.vector_norm(h),
    "logarithms": lambda h: torch.logsumexp(h, 1, keepdim=True) - h.log_softmax(1),
    "statistics": lambda h: (h - h.mean(0)) / (h.var(0) + 1).sqrt() + h.std(1, keepdim=True),
    "padding": lambda h: functional.pad(h, (1, 2)) * 2,
    "images": lambda h: functional.interpolate(h.view(-1, 1, 2, 4), scale_factor=2).flatten(1),
    "other types": lambda h: h.double().sin().float() * h.detach().half().float(),
    "written zeros": written_zeros,
    "running sum": running_sum,
    "in place": in_place,
    "constants": lambda h: h * torch.eye(N_FEATURES)[0] + torch.full((N_FEATURES,), 0.3).cos(),
}
MODULES = {
    **{name: Function(function) for name, function in FUNCTIONS.items()},
    **{
        kind.__name__: Function(kind())
        for kind in (
            *(nn.ReLU, nn.GELU, nn.SiLU, nn.ELU, nn.Tanh, nn.LeakyReLU, nn.Sigmoid, nn.Softplus),
            *(nn.Mish, nn.Hardtanh, nn.SELU, nn.CELU, nn.PReLU, nn.ReLU6, nn.Hardswish, nn.GLU),
        )
    },
    "ReLU in place": Function(nn.ReLU(inplace=True)),
    "BatchNorm": nn.Sequential(nn.Linear(N_FEATURES, 5), nn.BatchNorm1d(5), nn.Linear(5, 2)),
    "LayerNorm": nn.Sequential(nn.Linear(N_FEATURES, 5), nn.LayerNorm(5), nn.Linear(5, 2)),
    "GroupNorm": nn.Sequential(nn.Linear(N_FEATURES, 6), nn.GroupNorm(2, 6), nn.ReLU()),
    "convolutions": nn.Sequential(
        *(nn.Unflatten(1, (2, 2, 2)), nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Conv2d(4, 4, 1, groups=2), nn.Flatten(), nn.Linear(4, 2)),
    ),
    "transposed": nn.Sequential(nn.Unflatten(1, (4, 2)), nn.ConvTranspose1d(4, 3, 2)),
    "pools": nn.Sequential(nn.Unflatten(1, (2, 4)), nn.AvgPool1d(2), nn.AdaptiveMaxPool1d(1)),
    "attention": nn.Sequential(
        nn.Unflatten(1, (4, 2)), nn.TransformerEncoderLayer(2, 1, 4, dropout=0.0, batch_first=True)
    ),
    "bilinear": Function(lambda h: h.unsqueeze(2) * h.unsqueeze(1)),
}


def stacked_step(module, targets_of):
    """Return a step of networks of a module, the tensors it reads, and those it writes."""
    generator = torch.Generator().manual_seed(0)

    def several(tensor):
        if not tensor.is_floating_point():
            return torch.stack([tensor] * N_NETWORKS)
        return torch.rand((N_NETWORKS, *tensor.shape), generator=generator) - 0.4

    weights = {name: several(weight.detach()) for name, weight in module.named_parameters()}
    buffers = {name: several(buffer).abs() for name, buffer in module.named_buffers()}
    X = several(torch.empty(N_ROWS, N_FEATURES))
    y = targets_of(generator)
    module.train()

    def loss(weights, buffers, X, y):
        outputs = functional_call(module, (weights, buffers), (X,)).flatten(1)
        return functional.mse_loss(outputs.mean(1), y) + outputs.square().mean() / 2

    differentiate = vmap(grad_and_value(loss), randomness="error")
    found = {name: torch.empty_like(weight) for name, weight in weights.items()}
    losses = torch.empty(N_NETWORKS)

    def step():
        with rewritten():
            gradients, values = differentiate(weights, buffers, X, y)
        for name, gradient in gradients.items():
            found[name].copy_(gradient)
        losses.copy_(values)

    read = [*weights.values(), *buffers.values(), X, y]
    return step, read, [*found.values(), losses, *buffers.values()]


@pytest.mark.parametrize("name", MODULES)
def test_played_on_other_numbers_it_gives_the_bits_of_the_code(name):
    step, read, written = stacked_step(
        MODULES[name], lambda generator: torch.rand(N_NETWORKS, N_ROWS, generator=generator)
    )
    recording = record(step)
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        for tensor in read:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.4)
        given = [tensor.clone() for tensor in read]
        recording.play()
        played = [tensor.clone() for tensor in written]
        for tensor, before in zip(read, given, strict=True):
            tensor.copy_(before)
        step()
        for one, other in zip(played, written, strict=True):
            assert torch.equal(one, other) or (one.isnan() == other.isnan()).all()


def test_recording_is_making_the_step():
    step, _, written = stacked_step(MODULES["ReLU"], lambda g: torch.zeros(N_NETWORKS, N_ROWS))
    step()
    expected = [tensor.clone() for tensor in written]
    record(step)
    assert all(map(torch.equal, expected, written))


def test_sums_take_the_memory_of_products_and_constants_are_kept():
    X, weight, bias = torch.rand(2, 5, 3), torch.rand(2, 3, 4), torch.rand(2, 1, 4)
    found = torch.empty(2, 5, 4)

    def compute():
        found.copy_((torch.bmm(X, weight) + bias) * torch.eye(4)[1].exp())

    recording = record(compute)
    assert len(recording) == 4  # the product, the sum, the multiplication, the copy
    bias.add_(1)
    recording.play()
    played = found.clone()
    compute()
    assert torch.equal(played, found)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * x.sum().item(),
        lambda x: x * 2 if x[0] > 0 else x,
        lambda x: x.resize_(20),
    ],
)
def test_looking_at_numbers_is_not_recorded(function):
    x, found = torch.rand(3), torch.empty(3)
    with pytest.raises(UnrecordableError):
        record(lambda: found.copy_(function(x)[:3]))
