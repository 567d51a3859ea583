"""The tensors of snapshots."""

import io
import pickle

import pytest
import torch

from sktune.runs.tensors import TensorReader, TensorWriter, is_plain


def kept(*tensors):
    """Return the tensors as they come back, and the file that they went through."""
    writer, file = TensorWriter(), io.BytesIO()
    places = [writer.add(tensor) for tensor in tensors]
    writer.write(file)
    file.write(b"what follows")
    file.seek(0)
    reader = TensorReader(file)
    return [reader.get(place) for place in places], file


SQUARE = torch.arange(12.0).reshape(3, 4)
TENSORS = {
    "contiguous": SQUARE,
    "transposed": SQUARE.t(),
    "a part": SQUARE[1:, 1:3],
    "channels last": torch.arange(48.0).reshape(2, 2, 3, 4).to(memory_format=torch.channels_last),
    "bfloat16": SQUARE.bfloat16(),
    "whole numbers": torch.arange(5),
    "truth values": torch.tensor([True, False]),
    "complex": torch.tensor([1 + 2j]),
    "a number": torch.tensor(3.0),
    "empty": torch.empty(0, 3),
    "not finite": torch.tensor([float("nan"), -0.0, float("inf")]),
}


def test_numbers_types_and_layout_come_back():
    found, file = kept(*TENSORS.values())
    for (name, tensor), copy in zip(TENSORS.items(), found, strict=True):
        torch.testing.assert_close(copy, tensor, rtol=0, atol=0, equal_nan=True, msg=name)
        if name != "a part":
            assert copy.stride() == tensor.stride(), name
    assert file.read() == b"what follows"


def test_expanded_tensors_come_back_dense():
    (copy,), _ = kept(torch.tensor([1.0, 2.0]).expand(3, 2))
    assert copy.tolist() == [[1.0, 2.0]] * 3
    copy[0, 0] = 5.0
    assert copy[1, 0] == 1.0


def test_each_has_a_memory_of_its_own():
    (one, other), _ = kept(torch.zeros(3), torch.zeros(2))
    one.fill_(1.0)
    assert other.tolist() == [0.0, 0.0]
    assert one.untyped_storage().nbytes() == 12


def test_nothing_is_a_tensor_but_a_tensor():
    assert is_plain(torch.nn.Parameter(torch.ones(1)))
    assert not is_plain([1.0])
    assert not is_plain(torch.ones(2, device="meta"))
    assert not is_plain(torch.ones(2).to_sparse())
    assert not is_plain(torch.ones(1, requires_grad=True) * 2)


def test_code_in_the_place_of_tensors_is_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path / "bang").touch, ()

    file = io.BytesIO()
    torch.save([("cpu", Bomb())], file, _use_new_zipfile_serialization=False)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError):
        TensorReader(file)
    assert not (tmp_path / "bang").exists()
