"""Masks of dropout layers, with a rate and random bits for each network."""

import numpy as np
import pytest
import torch
from torch import nn

from sktune.stacking.dropout import MaskSource, dropout_rates, mask_dropout


def masks_of(rates, shape=(50, 400)):
    source = MaskSource(torch.tensor(rates)[:, None], torch.zeros(1))
    source.begin_epoch([torch.Generator().manual_seed(k) for k in range(len(rates))])
    memory = [torch.empty(len(rates), *shape)]
    steps = []
    for left in range(6, 0, -1):
        source.fill(slice(0, len(rates)), memory, left)
        steps.append(memory[0].clone())
    return torch.stack(steps, dim=1)


def test_dropout_has_the_rate_of_each_network():
    rates = [0.0, 0.1, 0.25, 0.5, 0.9]
    for rate, mask in zip(rates, masks_of(rates), strict=True):
        n = mask.numel()
        dropped = float((mask == 0).float().mean())
        assert abs(dropped - rate) < 4 * np.sqrt(max(rate * (1 - rate), 1e-12) / n) + 1e-5
        assert torch.allclose(mask[mask > 0], torch.tensor(1 / (1 - rate)), rtol=1e-4)
        assert abs(float(mask.mean()) - 1) < 0.05


def test_dropout_agrees_with_torchs_in_mean_and_variance():
    x = torch.rand(50, 400, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        theirs = torch.stack([nn.functional.dropout(x, 0.3) for _ in range(300)])
    ours = torch.cat([masks_of([0.3] * 50)[k] * x for k in range(50)])
    assert float((ours.mean(0) - theirs.mean(0)).abs().mean()) < 0.04
    assert abs(float(ours.mean() - theirs.mean())) < 0.002
    assert abs(float(ours.var(0).mean() / theirs.var(0).mean()) - 1) < 0.02


def test_masks_differ_between_networks_steps_and_units():
    masks = masks_of([0.5, 0.5])
    assert 0.45 < float((masks[0] == masks[1]).float().mean()) < 0.55
    assert 0.45 < float((masks[0, 0] == masks[0, 1]).float().mean()) < 0.55
    assert 0.45 < float((masks[0, :, 1:] == masks[0, :, :-1]).float().mean()) < 0.55


def test_masks_do_not_depend_on_how_many_are_drawn_at_once():
    def drawn(lefts):
        source = MaskSource(torch.full((2, 2), 0.4), torch.zeros(1))
        source.begin_epoch([torch.Generator().manual_seed(k) for k in range(2)])
        memory, found = [torch.empty(2, 3, 5), torch.empty(2, 3, 7)], []
        for left in lefts:
            source.fill(slice(0, 2), memory, left)
            found.append([mask.clone() for mask in memory])
        return found

    for one, other in zip(drawn([6, 5, 4, 3, 2, 1]), drawn([1, 3, 2, 1, 2, 1]), strict=True):
        assert all(map(torch.equal, one, other))


def test_a_layer_that_drops_all_puts_out_zeros():
    assert not masks_of([1.0, 0.0])[0].any()
    assert (masks_of([1.0, 0.0])[1] == 1).all()


@pytest.mark.parametrize("layer", [nn.Dropout, nn.Dropout1d, nn.Dropout2d])
def test_masked_layers_multiply_by_the_next_mask(layer):
    module = nn.Sequential(nn.Identity(), layer(0.3), layer(0.6)).train()
    assert dropout_rates(module, ["1", "2"]) == [0.3, 0.6]
    masked, x = mask_dropout(module), torch.rand(4, 3, 2)
    needed = []
    for part in masked:
        part.needed = needed
    module(x)
    assert [name for name, _ in needed] == ["1", "2"]
    masks = [torch.rand(shape) for _, shape in needed]
    for part in masked:
        part.masks = queue = list(masks)
    masked[0].masks = queue
    assert torch.equal(module(x), x * masks[0] * masks[1])
    assert torch.equal(module.eval()(x), x)
