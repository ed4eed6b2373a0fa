"""WeightsDisplay: images of the first layer's units."""

import numpy as np
import pytest
from drawing import DIGIT, DIGITS, quietly
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier

from skdeep import DeepMLPClassifier, LogisticRegressionGD, SoftmaxClassifier
from skdeep.inspection import WeightsDisplay


def test_the_units_of_the_largest_norm_are_shown(digits_network):
    display = WeightsDisplay.from_estimator(digits_network, (8, 8), n_units=6)
    weights = digits_network.coefs_[0]
    largest = np.argsort(-np.linalg.norm(weights, axis=0))[:6]
    assert [ax.get_title() for ax in display.axes_] == [f"unit {unit}" for unit in largest]
    for image, unit in zip(display.images_, largest, strict=True):
        np.testing.assert_allclose(image.get_array(), weights[:, unit].reshape(8, 8))
    assert display.figure_.get_suptitle() == "DeepMLPClassifier: 6 of 20 units"
    display = WeightsDisplay.from_estimator(digits_network, (8, 8), n_units=20)
    assert display.figure_.get_suptitle() == "DeepMLPClassifier"


def test_all_images_share_one_scale_that_is_symmetric_about_zero(digits_network):
    display = WeightsDisplay.from_estimator(digits_network, (8, 8))
    limits = {image.get_clim() for image in display.images_}
    ((low, high),) = limits
    shown = np.stack([image.get_array() for image in display.images_])
    assert -low == high == np.abs(shown).max()
    assert display.colorbar_.ax.get_ylabel() == "weight"
    assert all(len(ax.get_xticks()) == len(ax.get_yticks()) == 0 for ax in display.axes_)


def test_the_first_units_are_shown_in_order(digits_network):
    display = WeightsDisplay.from_estimator(digits_network, [8, 8], n_units=100, order="index")
    assert [ax.get_title() for ax in display.axes_] == [f"unit {unit}" for unit in range(20)]
    # A grid of 5 columns and 4 rows is full.
    assert len(display.figure_.axes) == 20 + 1


def test_images_need_not_be_square():
    x = DIGITS[:, :24]
    model = quietly(DeepMLPClassifier((3,), max_iter=2, random_state=0).fit, x, DIGIT)
    display = WeightsDisplay.from_estimator(model, (3, 8), order="index")
    np.testing.assert_allclose(display.images_[1].get_array(), model.coefs_[0][:, 1].reshape(3, 8))


def test_channels_stand_side_by_side():
    # Red, green and blue of each pixel next to each other, as in an image that imshow takes.
    images = DIGITS.reshape(-1, 8, 8)
    colored = np.stack([images, images**2, 1 - images], axis=-1)[:, :, :6]
    model = DeepMLPClassifier((5,), max_iter=2, random_state=0)
    quietly(model.fit, colored.reshape(len(colored), -1), DIGIT)
    display = WeightsDisplay.from_estimator(model, (8, 6, 3), order="index")
    weights = model.coefs_[0].reshape(8, 6, 3, 5)
    for unit, image in enumerate(display.images_):
        shown = np.ma.filled(image.get_array(), np.nan)
        assert shown.shape == (8, 3 * 6 + 2)
        assert np.isnan(shown[:, [6, 13]]).all()
        for channel, start in enumerate([0, 7, 14]):
            np.testing.assert_allclose(shown[:, start : start + 6], weights[:, :, channel, unit])
    ((low, high),) = {image.get_clim() for image in display.images_}
    assert -low == high == np.abs(model.coefs_[0]).max()
    one = WeightsDisplay.from_estimator(model, (16, 9, 1), order="index")
    np.testing.assert_allclose(one.images_[2].get_array(), model.coefs_[0][:, 2].reshape(16, 9))


@pytest.mark.parametrize("sparse", [False, True])
def test_linear_models_show_one_image_for_each_class(sparse):
    model = quietly(SoftmaxClassifier(max_iter=20).fit, DIGITS, DIGIT)
    coef = model.coef_
    if sparse:
        model.sparsify()
    display = WeightsDisplay.from_estimator(model, (8, 8), order="index")
    assert [ax.get_title() for ax in display.axes_] == [str(digit) for digit in range(10)]
    np.testing.assert_allclose(display.images_[3].get_array(), coef[3].reshape(8, 8))
    binary = quietly(LogisticRegressionGD(max_iter=20).fit, DIGITS, DIGIT == 3)
    display = WeightsDisplay.from_estimator(binary, (8, 8))
    assert [ax.get_title() for ax in display.axes_] == ["True"]


def test_weights_that_are_all_zero_can_be_drawn():
    display = WeightsDisplay(weights=np.zeros((4, 1)), image_shape=(2, 2), unit_names=["a"]).plot()
    assert display.images_[0].get_clim() == (-1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (8, 9)}, r"image_shape=\(8, 9\) has 72 pixels, but .* takes 64 features"),
        ({"image_shape": 64}, r"image_shape must be \(height, width\), .* got 64"),
        ({"image_shape": (3, 4, 5)}, r"\(3, 4, 5\) has 60 pixels and channels, but .* 64 features"),
        ({"image_shape": (4, 4, 2, 2)}, r"image_shape must be .* got \(4, 4, 2, 2\)"),
        ({"image_shape": (8, 8, 0)}, r"n_channels\), integers >= 1, got \(8, 8, 0\)"),
        ({"image_shape": (-8, -8)}, r"image_shape must be .* got \(-8, -8\)"),
        ({"n_units": 0}, "n_units must be an integer >= 1, got 0"),
        ({"order": "random"}, "order must be one of .* got 'random'"),
    ],
)
def test_bad_arguments_of_a_weights_display_are_named(arguments, message, digits_network):
    with pytest.raises(ValueError, match=message):
        WeightsDisplay.from_estimator(digits_network, **{"image_shape": (8, 8), **arguments})


def test_weights_want_a_fitted_network_of_ours():
    with pytest.raises(NotFittedError):
        WeightsDisplay.from_estimator(DeepMLPClassifier(), (8, 8))
    with pytest.raises(TypeError, match="estimator must be one of skdeep's"):
        WeightsDisplay.from_estimator(MLPClassifier(), (8, 8))
