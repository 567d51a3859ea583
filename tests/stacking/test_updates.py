"""The optimiser of a stack against torch's of each network."""

import pytest
import torch
from torch import nn

from sktune.stacking.updates import ELEMENTWISE, StackedOptimizer, shared_settings
from sktune.stacking.weights import StackedWeights


@pytest.mark.parametrize("settings", [{}, {"weight_decay": 0.1}])
@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_every_optimizer_with_rates_of_its_own(kind, settings):
    torch.manual_seed(0)
    rates = [1e-3, 1e-2, 3e-2]
    modules = [nn.Linear(3, 2) for _ in rates]
    twins = [nn.Linear(3, 2) for _ in rates]
    for module, twin in zip(modules, twins, strict=True):
        twin.load_state_dict(module.state_dict())
    decays = [settings.get("weight_decay", 0.0) * k for k in range(3)]

    def optimizers(of):
        return [
            kind(m.parameters(), lr=lr, weight_decay=wd)
            for m, lr, wd in zip(of, rates, decays, strict=True)
        ]

    plain, own = optimizers(twins), optimizers(modules)
    # some steps alone first, so that there is a state to take over
    for step in range(30):
        if step in (5, 20):
            stack = StackedWeights(modules)
            stacked = StackedOptimizer(own, stack)
        gradients = [[torch.randn_like(p) for p in twin.parameters()] for twin in twins]
        for optimizer, twin, parts in zip(plain, twins, gradients, strict=True):
            for parameter, gradient in zip(twin.parameters(), parts, strict=True):
                parameter.grad = gradient.clone()
            optimizer.step()
        if step < 5:
            for optimizer, module, parts in zip(own, modules, gradients, strict=True):
                for parameter, gradient in zip(module.parameters(), parts, strict=True):
                    parameter.grad = gradient.clone()
                optimizer.step()
            continue
        flat = torch.zeros_like(stack.flat)
        for row, parts in enumerate(gradients):
            flat[row, : stack.n_weights] = torch.cat([part.reshape(-1) for part in parts])
        lr = torch.tensor(rates)[:, None]
        decay = torch.tensor(decays)[:, None] if any(decays) else None
        stacked.step(flat, lr, decay, {})
        if step == 19:
            for row in range(3):
                stacked.settle(row)
    for module, twin in zip(modules, twins, strict=True):
        for one, other in zip(module.parameters(), twin.parameters(), strict=True):
            assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)


def test_shared_settings_leave_out_what_is_each_networks_own():
    parameter = [nn.Parameter(torch.zeros(2))]
    one, other = (torch.optim.AdamW(parameter, lr=lr, weight_decay=lr) for lr in (0.1, 0.2))
    assert shared_settings(one) == shared_settings(other)
    third = torch.optim.AdamW(parameter, lr=0.1, betas=(0.8, 0.9))
    assert shared_settings(one) != shared_settings(third)
