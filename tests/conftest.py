"""What holds for the whole suite."""

import os

# Several processes share the cores: threads of torch that wait must leave theirs to the others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
import torch


@pytest.fixture(scope="module")
def one_thread():
    """One thread of torch, for comparisons with plain skorch, which takes all that there are.

    Their number shows in the last bits of a convolution, and they wait for each other on a busy
    machine.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
