"""Images in, classes out."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sktune import ConvNetClassifier
from sktune.exceptions import InvalidSettingsError
from tests.user_nets import same_bits

DIGITS = load_digits()
IMAGES, Y = DIGITS.images[:400] / 16, DIGITS.target[:400]
FLAT = IMAGES.reshape(400, 64)


def net(**settings):
    return ConvNetClassifier(filters=4, lr=0.01, max_epochs=20, random_state=0, **settings)


def test_three_ways_to_give_images():
    planes = net().fit(IMAGES, Y)
    channels = net().fit(IMAGES[:, None], Y)
    flat = net(image_shape=(8, 8)).fit(FLAT, Y)
    flat_channels = net(image_shape=(1, 8, 8)).fit(FLAT, Y)
    assert all(same_bits(planes, other) for other in (channels, flat, flat_channels))
    assert planes.score(IMAGES, Y) > 0.9
    assert np.array_equal(planes.predict(IMAGES), flat.predict(FLAT))


def test_colours_are_channels():
    rng = np.random.default_rng(0)
    colours = rng.random((60, 3, 6, 5))
    y = (colours[:, 1].mean(axis=(1, 2)) > 0.5).astype(int)
    fitted = net(depth=1).fit(colours, y)
    assert fitted.module_.layers[0].weight.shape == (4, 3, 3, 3)
    assert fitted.predict_proba(colours).shape == (60, 2)


@pytest.mark.parametrize(("depth", "size"), [(0, 64), (1, 4 * 16), (2, 8 * 4), (3, 16), (5, 64)])
def test_depth_halves_the_image_and_doubles_the_filters(depth, size):
    fitted = net(depth=depth, normalization="batch").fit(IMAGES, Y)
    assert fitted.module_.layers[-1].in_features == size


def test_images_of_another_shape_are_refused():
    fitted = net().fit(IMAGES, Y)
    with pytest.raises(ValueError, match=r"images of shape \(8, 4\).*fitted on.*\(8, 8\)"):
        fitted.predict(IMAGES[:, :, :4])
    with pytest.raises(ValueError, match=r"`image_shape`=\(7, 7\) does not fit rows"):
        net(image_shape=(7, 7)).fit(FLAT, Y)
    with pytest.raises(ValueError, match="does not fit rows"):
        net().fit(IMAGES[:, None, None], Y)


def test_channels_last_are_refused_and_not_taken_for_channels():
    rng = np.random.default_rng(0)
    colours = rng.random((40, 9, 8, 3))
    y = (colours[..., 1].mean(axis=(1, 2)) > 0.5).astype(int)
    with pytest.raises(ValueError, match=r"np.moveaxis\(X, -1, 1\)"):
        net().fit(colours, y)
    fitted = net().fit(np.moveaxis(colours, -1, 1), y)
    assert fitted.module_.layers[0].weight.shape[1] == 3
    # nine channels, since this is said
    fitted = net(image_shape=(9, 8, 3)).fit(colours, y)
    assert fitted.module_.layers[0].weight.shape[1] == 9
    assert fitted.predict(colours).shape == (40,)


def test_every_mistake_is_named_at_once():
    broken = net(kernel_size=4, image_shape=(8,), normalization="layer", depth=-1)
    with pytest.raises(InvalidSettingsError) as caught:
        broken.fit(FLAT, Y)
    for name in ("kernel_size", "image_shape", "normalization", "depth"):
        assert f"`{name}`=" in str(caught.value)
