"""Which axis of an image are its channels."""

import numpy as np
import pytest

from sktune.nets.images import channels_height_width as shape_of

TAKEN = [
    ((7,), None, (1, 1, 7)),
    ((8, 8), None, (1, 8, 8)),
    ((28, 3), None, (1, 28, 3)),
    ((1, 8, 8), None, (1, 8, 8)),
    ((3, 28, 28), None, (3, 28, 28)),
    ((3, 8, 4), None, (3, 8, 4)),
    ((1, 8, 1), None, (1, 8, 1)),
    ((64, 1, 1), None, (64, 1, 1)),
    ((28, 28, 2), None, (28, 28, 2)),
    ((64,), (8, 8), (1, 8, 8)),
    ((192,), [3, 8, 8], (3, 8, 8)),
    ((1, 8, 8), (8, 8), (1, 8, 8)),
    ((8, 8), (1, 8, 8), (1, 8, 8)),
    ((28, 28, 3), (28, 28, 3), (28, 28, 3)),
]


@pytest.mark.parametrize(("row_shape", "image_shape", "shape"), TAKEN)
def test_taken(row_shape, image_shape, shape):
    assert shape_of(row_shape, image_shape) == shape


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 32), (28, 28)])
def test_channels_last_are_refused_with_a_way_out_that_works(height, width, channels):
    last, first = (height, width, channels), (channels, height, width)
    given = [(last, None), (last, first), ((np.prod(last),), last)]
    for row_shape, image_shape in given:
        with pytest.raises(ValueError, match=r"np.moveaxis\(X") as caught:
            shape_of(row_shape, image_shape)
        assert f"image_shape={last}" in str(caught.value)
    X = np.moveaxis(np.zeros((2, *last)), -1, 1)
    assert shape_of(X.shape[1:]) == first
    assert shape_of(last, last) == last


@pytest.mark.parametrize(
    ("row_shape", "image_shape"),
    [((64,), (7, 7)), ((1, 1, 8, 8), None), ((8, 8), (4, 16)), ((3, 8, 8), (3, 4, 16))],
)
def test_shapes_that_do_not_fit(row_shape, image_shape):
    with pytest.raises(ValueError, match="does not fit rows"):
        shape_of(row_shape, image_shape)
