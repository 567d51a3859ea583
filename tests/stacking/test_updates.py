"""The optimiser of a stack against torch's of each network."""

import copy

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
            flat = torch.zeros_like(stack.flat)
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


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW, torch.optim.RMSprop])
def test_rates_decays_and_momenta_that_change(kind):
    torch.manual_seed(0)
    modules = [nn.Linear(3, 2) for _ in range(2)]
    twins = copy.deepcopy(modules)
    plain, own = ([kind(m.parameters()) for m in of] for of in (twins, modules))
    stack = StackedWeights(modules)
    stacked, flat = StackedOptimizer(own, stack), torch.zeros_like(stack.flat)
    moved = {torch.optim.AdamW: "betas"}.get(kind, "momentum")
    for step in range(20):
        rates = [0.01 / (step + 1), 0.02]
        decays = [0.0, 0.1 * (step > 12)]
        momentum = 0.5 + 0.02 * max(0, step - 14)
        value = (momentum, 0.99) if moved == "betas" else momentum
        flat.normal_()
        for row, (optimizer, twin) in enumerate(zip(plain, twins, strict=True)):
            optimizer.param_groups[0].update(
                {"lr": rates[row], "weight_decay": decays[row], moved: value}
            )
            parts = flat[row, : stack.n_weights].split([6, 2])
            for parameter, part in zip(twin.parameters(), parts, strict=True):
                parameter.grad = part.view_as(parameter).clone()
            optimizer.step()
        given = torch.tensor(decays)[:, None] if any(decays) else None
        stacked.step(flat, torch.tensor(rates)[:, None], given, {moved: value})
    for module, twin in zip(modules, twins, strict=True):
        for one, other in zip(module.parameters(), twin.parameters(), strict=True):
            assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)
