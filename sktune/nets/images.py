"""The shape of an image: its channels, height and width, in this order."""

import math
from typing import Any

# A picture is grey, coloured, or coloured and transparent.
_CHANNELS = (1, 3, 4)

Shape = tuple[int, ...]


def channels_height_width(row_shape: Shape, image_shape: Any = None) -> tuple[int, int, int]:
    """Return the shape of the images that rows are.

    Parameters
    ----------
    row_shape : tuple of int
        The shape of a row: (n_features,), (height, width) or (channels, height, width).
    image_shape : None, (height, width) or (channels, height, width), default=None
        How to read rows of one axis. For others it says that their shape is meant as it is.

    Raises
    ------
    ValueError
        If the two do not fit each other, or the channels seem to be last.

    Examples
    --------
    >>> channels_height_width((28, 28)), channels_height_width((784,), (28, 28))
    ((1, 28, 28), (1, 28, 28))
    """
    given = row_shape if image_shape is None else tuple(image_shape)
    shape = given if len(row_shape) == 1 else row_shape
    if _seems_to_end_in_channels(shape) and (image_shape is None or given != row_shape):
        raise ValueError(_channels_last(row_shape, shape))
    if len(shape) > 3 or not _fits(row_shape, given):
        raise ValueError(
            f"`image_shape`={image_shape!r} does not fit rows of shape {row_shape}: give "
            "(height, width) or (channels, height, width) with as many pixels as a row has, "
            "or X of shape (n_samples, height, width) or (n_samples, channels, height, width)."
        )
    channels, height, width = _with_channels(given)
    return channels, height, width


def _fits(row_shape: Shape, shape: Shape) -> bool:
    if len(row_shape) == 1:
        return math.prod(shape) == row_shape[0]
    return _with_channels(row_shape) == _with_channels(shape)


def _with_channels(shape: Shape) -> Shape:
    return (1,) * (3 - len(shape)) + shape


def _seems_to_end_in_channels(shape: Shape) -> bool:
    """Whether this is likely to be (height, width, channels)."""
    return len(shape) == 3 and shape[-1] in _CHANNELS and min(shape[:2]) > shape[-1]


def _channels_last(row_shape: Shape, shape: Shape) -> str:
    height, width, channels = shape
    X = "X" if row_shape == shape else f"X.reshape(-1, {height}, {width}, {channels})"
    return (
        f"Images of shape {shape} seem to be (height, width, channels), but the net takes "
        f"(channels, height, width): give np.moveaxis({X}, -1, 1), without `image_shape`. If they "
        f"do have {height} channels of {width} x {channels} pixels, give X of shape (n_samples, "
        f"{height}, {width}, {channels}) and image_shape={shape}."
    )
