"""Augmenters: SciPy's geometry, closed forms, and what must hold for every option alike.

An image of which one channel holds the number of each row and one that of each column tells, once
it has been changed, where every pixel came from. So SciPy can be asked for the same map.
"""

import pickle

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import GridSearchCV

from skdeep import DeepMLPClassifier, DeepMLPRegressor, SoftmaxClassifier
from skdeep.augmentation import Compose, ImageAugmenter, Mixup
from skdeep.model_selection import VectorizedGridSearchCV

DIGITS, LABELS = load_digits(return_X_y=True)
# Twelve digits side by side: a real image that is neither square nor small.
PICTURE = DIGITS[:12].reshape(4, 3, 8, 8).transpose(0, 2, 1, 3).reshape(32, 24) / 16
HEIGHT, WIDTH = PICTURE.shape

AFFINE = {
    "rotation": {"rotation": 30},
    "shift": {"shift": 2.5},
    "zoom": {"zoom": 0.3},
    "shear": {"shear": 20},
    "all affine": {"rotation": 15, "shift": 2, "zoom": 0.2, "shear": 10},
}
GEOMETRY = AFFINE | {
    "elastic": {"elastic": 1.0, "elastic_smoothness": 3.0},
    "elastic and affine": {"elastic": 0.7, "rotation": 15, "shift": 2, "zoom": 0.2, "shear": 10},
}
MOVING = GEOMETRY | {
    "horizontal flip": {"horizontal_flip": True},
    "vertical flip": {"vertical_flip": True},
    "both flips": {"horizontal_flip": True, "vertical_flip": True},
    "cutout": {"cutout": 3},
    "cutout in grey": {"cutout": 4, "fill_value": 0.5},
    "nearest": {"rotation": 45, "fill_mode": "nearest"},
}
OPTIONS = MOVING | {
    "noise": {"noise": 0.1},
    "everything": {
        "horizontal_flip": True,
        "rotation": 10,
        "zoom": 0.1,
        "elastic": 0.5,
        "noise": 0.05,
        "cutout": 2,
    },
}
AUGMENTERS = {name: ImageAugmenter((8, 8), **options) for name, options in OPTIONS.items()}
AUGMENTERS["mixup"] = Mixup(0.5)
AUGMENTERS["composed"] = Compose([ImageAugmenter((8, 8), shift=1, noise=0.1), Mixup()])
# These draw normal numbers, which they do in the dtype of X.
NORMAL = ("noise", "elastic", "elastic and affine", "everything", "composed")


def digits(n=20, dtype="float64"):
    return (DIGITS[:n] / 16).astype(dtype), np.eye(10, dtype=dtype)[LABELS[:n]]


def traced(n=20, random_state=0, picture=PICTURE, **options):
    """Changed copies of a picture, where each pixel came from, and whether from inside."""
    rows, columns = np.indices(picture.shape).astype(float)
    image = np.stack([picture, rows, columns, np.ones_like(picture)], axis=-1)
    changed, _ = ImageAugmenter(image.shape, **options)(np.stack([image] * n), None, random_state)
    pictures, rows, columns, weight = np.moveaxis(changed, -1, 0)
    return pictures, np.stack([rows, columns], axis=1), weight > 1 - 1e-9


def fitted_maps(sources, inside):
    """The affine map of each image, (n, 2, 2) and (n, 2), from output to input coordinates."""
    n, _, height, width = sources.shape
    grid = np.stack([*np.indices((height, width)), np.ones((height, width))]).reshape(3, -1)
    found = []
    for source, seen in zip(sources.reshape(n, 2, -1), inside.reshape(n, -1), strict=True):
        solution, residual, rank, _ = np.linalg.lstsq(grid[:, seen].T, source[:, seen].T)
        assert rank == 3
        assert residual.max() < 1e-18
        found.append(solution.T)
    maps = np.array(found)
    return maps[:, :, :2], maps[:, :, 2]


def shared_uniformly(values, largest):
    """Whether draws are uniform on ± largest."""
    uniform = scipy.stats.uniform(-largest, 2 * largest)
    return scipy.stats.kstest(values, uniform.cdf).pvalue > 0.01


# ------------------------------------------------------------------------------------- geometry


@pytest.mark.parametrize("options", GEOMETRY.values(), ids=list(GEOMETRY))
def test_pixels_are_interpolated_as_scipy_does(options):
    pictures, sources, inside = traced(**options)
    assert 0.5 < inside.mean() < 1
    for picture, source, seen in zip(pictures, sources, inside, strict=True):
        expected = scipy.ndimage.map_coordinates(PICTURE, source, order=1)
        np.testing.assert_allclose(picture[seen], expected[seen], atol=1e-12)
    assert np.abs(pictures - PICTURE).max(axis=(1, 2)).min() > 0.1


@pytest.mark.parametrize("mode", ["constant", "nearest"])
@pytest.mark.parametrize("options", AFFINE.values(), ids=list(AFFINE))
def test_whole_images_are_those_of_scipy_edges_included(options, mode):
    # Where sources are clamped to the edge, they do not tell the map: it is taken from a twin.
    _, sources, inside = traced(n=10, **options)
    pictures, _, _ = traced(n=10, fill_mode=mode, fill_value=0.3, **options)
    scipy_mode = {"constant": "grid-constant", "nearest": "nearest"}[mode]
    for picture, matrix, offset in zip(pictures, *fitted_maps(sources, inside), strict=True):
        expected = scipy.ndimage.affine_transform(
            PICTURE, matrix, offset, order=1, mode=scipy_mode, cval=0.3
        )
        np.testing.assert_allclose(picture, expected, atol=1e-9)


def test_rotation_is_about_the_centre_by_a_uniform_angle():
    pictures, sources, inside = traced(n=200, rotation=40)
    matrices, _ = fitted_maps(sources, inside)
    angles = np.rad2deg(np.arctan2(matrices[:, 0, 1], matrices[:, 0, 0]))
    assert shared_uniformly(angles, 40)
    for picture, angle in zip(pictures[:20], angles[:20], strict=True):
        expected = scipy.ndimage.rotate(
            PICTURE, angle, reshape=False, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(picture, expected, atol=1e-9)


def test_shift_is_uniform_along_both_sides():
    pictures, sources, inside = traced(n=200, shift=3)
    matrices, offsets = fitted_maps(sources, inside)
    np.testing.assert_allclose(matrices, np.broadcast_to(np.eye(2), matrices.shape), atol=1e-12)
    assert shared_uniformly(offsets[:, 0], 3)
    assert shared_uniformly(offsets[:, 1], 3)
    assert abs(np.corrcoef(offsets.T)[0, 1]) < 0.2
    for picture, offset in zip(pictures[:20], offsets[:20], strict=True):
        expected = scipy.ndimage.shift(PICTURE, -offset, order=1, mode="grid-constant")
        np.testing.assert_allclose(picture, expected, atol=1e-9)


def test_zoom_is_about_the_centre_by_a_uniform_factor():
    _, sources, inside = traced(n=200, zoom=0.4)
    matrices, offsets = fitted_maps(sources, inside)
    factors = 1 / matrices[:, 0, 0]
    assert shared_uniformly(factors - 1, 0.4)
    expected = np.eye(2) / factors[:, np.newaxis, np.newaxis]
    np.testing.assert_allclose(matrices, expected, atol=1e-12)
    centre = np.array([HEIGHT - 1, WIDTH - 1]) / 2
    np.testing.assert_allclose(matrices @ centre + offsets, np.tile(centre, (200, 1)), atol=1e-9)


def test_shear_leans_vertical_lines_by_a_uniform_angle():
    _, sources, inside = traced(n=200, shear=25)
    matrices, offsets = fitted_maps(sources, inside)
    lean = np.rad2deg(np.arctan(-matrices[:, 1, 0]))
    assert shared_uniformly(lean, 25)
    matrices[:, 1, 0] = 0
    np.testing.assert_allclose(matrices, np.broadcast_to(np.eye(2), matrices.shape), atol=1e-12)
    np.testing.assert_allclose(offsets[:, 0], 0, atol=1e-12)


@pytest.mark.parametrize("name", ["rotation", "shift", "zoom", "shear", "elastic"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", ["constant", "nearest"])
def test_a_map_that_moves_nothing_changes_nothing(name, dtype, mode):
    images = np.stack([PICTURE, PICTURE[::-1]]).astype(dtype)
    augment = ImageAugmenter(PICTURE.shape, fill_value=1.0, fill_mode=mode, **{name: 1e-300})
    np.testing.assert_allclose(augment(images, None, 0)[0], images, rtol=0, atol=1e-290)


@pytest.mark.parametrize("smoothness", [1.0, 2.0, 4.0])
def test_displacements_have_the_covariance_of_smoothed_noise(smoothness):
    amplitude, n = 0.3, 1500
    _, sources, inside = traced(n=n, elastic=amplitude, elastic_smoothness=smoothness)
    moved = (sources - np.indices((HEIGHT, WIDTH)))[..., 3:-3, 3:-3]
    assert inside[..., 3:-3, 3:-3].all()
    # At each pixel, near the edge too, and for each side on its own.
    np.testing.assert_allclose(moved.std(axis=0), amplitude, rtol=0.1)
    np.testing.assert_allclose(moved.mean(axis=0), 0, atol=5 * amplitude / n**0.5)
    assert abs(np.corrcoef(moved[:, 0, 9, 9], moved[:, 1, 9, 9])[0, 1]) < 0.1
    noise = np.random.default_rng(0).standard_normal((1000, 400))
    smooth = scipy.ndimage.gaussian_filter(noise, smoothness)
    for down, right in [(0, 1), (2, 0), (3, 3), (0, 8)]:
        one, other = moved[:, :, 5, 5], moved[:, :, 5 + down, 5 + right]
        found = (one * other).mean() / amplitude**2
        theirs = (smooth[: 1000 - down, : 400 - right] * smooth[down:, right:]).mean()
        closed_form = np.exp(-(down**2 + right**2) / (4 * smoothness**2))
        assert found == pytest.approx(closed_form, abs=0.08)
        assert theirs / smooth.var() == pytest.approx(closed_form, abs=0.08)


# ------------------------------------------------------------------------- flips, noise, cutout


@pytest.mark.parametrize(
    ("options", "axes"),
    [
        ({"horizontal_flip": True}, [(), (1,)]),
        ({"vertical_flip": True}, [(), (0,)]),
        ({"horizontal_flip": True, "vertical_flip": True}, [(), (0,), (1,), (0, 1)]),
    ],
)
def test_flips_are_numpys_and_as_likely_as_not(options, axes):
    n = 1000
    changed, _ = ImageAugmenter(PICTURE.shape, **options)(np.stack([PICTURE] * n), None, 0)
    counts = [(changed == np.flip(PICTURE, axis)).all(axis=(1, 2)).sum() for axis in axes]
    assert sum(counts) == n
    assert scipy.stats.chisquare(counts).pvalue > 0.01


def test_noise_is_normal_with_the_given_deviation():
    X, _ = digits(300)
    changed, _ = ImageAugmenter((8, 8), noise=0.2)(X, None, 0)
    assert scipy.stats.kstest((changed - X).ravel() / 0.2, "norm").pvalue > 0.01


@pytest.mark.parametrize("side", [1, 2, 5])
def test_cutout_is_a_square_about_a_uniform_centre(side):
    n, shape = 2000, (6, 9)
    images = np.ones((n, *shape, 2))
    changed, _ = ImageAugmenter((*shape, 2), cutout=side, fill_value=-3)(images, None, 0)
    hole = changed == -3
    assert set(np.unique(changed)) == {-3, 1}
    np.testing.assert_array_equal(hole[..., 0], hole[..., 1])
    # Where the square covers a pixel it also covers all that lie in its row and column of it.
    in_rows, in_columns = hole[..., 0].any(axis=2), hole[..., 0].any(axis=1)
    np.testing.assert_array_equal(
        hole[..., 0], in_rows[:, :, np.newaxis] & in_columns[:, np.newaxis]
    )
    for seen, length in ((in_rows, shape[0]), (in_columns, shape[1])):
        # Every centre is as likely: so many squares reach each line.
        centres = np.arange(length)
        covers = np.abs(np.subtract.outer(centres, centres) + (side % 2 == 0) / 2) <= side / 2
        np.testing.assert_allclose(seen.mean(axis=0), covers.mean(axis=1), atol=0.05)
        assert seen.sum(axis=1).max() == side


def test_flips_and_cutout_leave_the_other_pixels_as_they_are():
    X, _ = digits(500, "float32")
    augment = ImageAugmenter((8, 8), horizontal_flip=True, cutout=4, fill_value=-1.0)
    changed, _ = augment(X, None, 0)
    images, changed = X.reshape(-1, 8, 8), changed.reshape(-1, 8, 8)
    as_before, mirrored = (
        ((changed == before) | (changed == -1)).all(axis=(1, 2))
        for before in (images, images[..., ::-1])
    )
    assert (as_before | mirrored).all()
    assert 0.3 < as_before.mean() < 0.7


# -------------------------------------------------------------------- what holds for all options


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("augment", AUGMENTERS.values(), ids=list(AUGMENTERS))
def test_batches_keep_shape_and_dtype_and_the_given_ones_are_not_touched(augment, dtype):
    X, y = digits(dtype=dtype)
    before = X.copy(), y.copy()
    X.flags.writeable = y.flags.writeable = False
    X_new, y_new = augment(X, y, np.random.default_rng(0))
    assert (X_new.shape, X_new.dtype) == (X.shape, X.dtype)
    assert (y_new.shape, y_new.dtype) == (y.shape, y.dtype)
    assert not np.shares_memory(X_new, X)
    assert X_new.flags.writeable
    assert np.isfinite(X_new).all()
    assert (X_new != X).any()
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
    if isinstance(augment, ImageAugmenter):
        assert y_new is y


@pytest.mark.parametrize("augment", AUGMENTERS.values(), ids=list(AUGMENTERS))
def test_the_same_random_state_gives_the_same_batch(augment):
    X, y = digits()
    for make in (np.random.default_rng, np.random.RandomState, int):
        first, again, other = (augment(X, y, make(seed)) for seed in (3, 3, 4))
        np.testing.assert_array_equal(first[0], again[0])
        np.testing.assert_array_equal(first[1], again[1])
        assert (first[0] != other[0]).any()
    going_on = np.random.default_rng(0)
    assert (augment(X, y, going_on)[0] != augment(X, y, going_on)[0]).any()
    assert (augment(X, y)[0] != augment(X, y)[0]).any()


def test_none_is_numpys_global_random_state_as_in_scikit_learn():
    X, _ = digits()
    results = []
    for _ in range(2):
        np.random.seed(5)  # noqa: NPY002
        results.append(ImageAugmenter((8, 8), noise=1.0)(X)[0])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", sorted(set(AUGMENTERS) - set(NORMAL)))
def test_float32_is_float64_rounded_where_the_draws_agree(name):
    augment = AUGMENTERS[name]
    (X, y), (x, t) = digits(), digits(dtype="float32")
    for exact, rounded in zip(augment(X, y, 0), augment(x, t, 0), strict=True):
        np.testing.assert_allclose(rounded, exact, atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=list(OPTIONS))
@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 1), (6, 9, 3)])
def test_flattened_images_and_stacks_of_them_give_the_same(options, shape):
    images = np.random.default_rng(0).random((7, *shape))
    augment = ImageAugmenter(shape, **options)
    stacked, _ = augment(images, None, 1)
    flat, _ = augment(images.reshape(7, -1), None, 1)
    assert stacked.shape == images.shape
    np.testing.assert_array_equal(flat, stacked.reshape(7, -1))
    for reordered in (np.asfortranarray(images), np.stack([images, images], axis=-1)[..., 0]):
        np.testing.assert_array_equal(augment(reordered, None, 1)[0], stacked)


@pytest.mark.parametrize("options", MOVING.values(), ids=list(MOVING))
def test_channels_move_together(options):
    images = np.random.default_rng(0).random((7, 6, 9, 3))
    changed, _ = ImageAugmenter((6, 9, 3), **options)(images, None, 1)
    for channel in range(3):
        alone, _ = ImageAugmenter((6, 9), **options)(images[..., channel], None, 1)
        np.testing.assert_array_equal(changed[..., channel], alone)


@pytest.mark.parametrize("shape", [(8, 8), [8, 8], (8, 8, 1), (4, 16), (4, 4, 4), (64, 1), (1, 64)])
def test_with_everything_off_the_batch_comes_back_equal(shape):
    X, y = digits()
    X_new, y_new = ImageAugmenter(shape)(X, y, 0)
    np.testing.assert_array_equal(X_new, X)
    assert not np.shares_memory(X_new, X)
    assert y_new is y


def test_large_batches_are_changed_in_blocks_and_no_image_is_left_out():
    X = np.tile(DIGITS, (3, 1)) / 16
    changed, _ = ImageAugmenter((8, 8), rotation=20)(X, None, 0)
    assert (changed != X).any(axis=1).all()
    np.testing.assert_allclose(changed.sum(axis=1), X.sum(axis=1), rtol=0.35)
    # No draw is used twice.
    one, _ = ImageAugmenter((8, 8), rotation=20)(np.stack([DIGITS[0]] * 2000), None, 0)
    assert len(np.unique(one, axis=0)) == 2000


@pytest.mark.parametrize("augment", AUGMENTERS.values(), ids=list(AUGMENTERS))
@pytest.mark.parametrize("n", [0, 1])
def test_tiny_batches(augment, n):
    X, y = digits(n)
    X_new, y_new = augment(X, y, 0)
    assert X_new.shape == X.shape
    assert y_new.shape == y.shape


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 3)),
    rotation=st.floats(0, 180),
    shift=st.floats(0, 20),
    zoom=st.floats(0, 0.99),
    shear=st.floats(0, 89),
    elastic=st.floats(0, 10),
    elastic_smoothness=st.floats(0.01, 50),
    fill_value=st.floats(-1, 2),
    fill_mode=st.sampled_from(["constant", "nearest"]),
    flips=st.tuples(st.booleans(), st.booleans()),
    cut=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
    random_state=st.integers(0, 2**32 - 1),
)
def test_no_value_leaves_the_range_of_image_and_fill(
    shape, flips, cut, dtype, random_state, **options
):
    images = np.random.default_rng(0).random((5, *shape)).astype(dtype)
    augment = ImageAugmenter(
        shape,
        horizontal_flip=flips[0],
        vertical_flip=flips[1],
        cutout=min(shape[:2]) if cut else 0,
        **options,
    )
    changed, _ = augment(images, None, random_state)
    assert changed.shape == images.shape
    assert changed.dtype == dtype
    reachable = [images.min(), images.max()]
    if cut or options["fill_mode"] == "constant":
        reachable.append(options["fill_value"])
    assert changed.min() >= min(reachable) - 1e-5
    assert changed.max() <= max(reachable) + 1e-5


# ---------------------------------------------------------------------------------- larger sets


@pytest.mark.parametrize("stacked", [False, True])
def test_enlarge_returns_the_originals_and_then_the_copies(stacked):
    X = DIGITS.astype("float32").reshape(-1, 8, 8) if stacked else DIGITS.astype("float32")
    names = np.array(["digit"], dtype=object) + LABELS.astype(str).astype(object)
    X_more, y_more = ImageAugmenter((8, 8), rotation=20).enlarge(
        X, names, n_copies=3, random_state=0
    )
    assert X_more.shape == (4 * len(X), *X.shape[1:])
    assert X_more.dtype == X.dtype
    assert y_more.dtype == names.dtype
    copies = X_more.reshape(4, *X.shape)
    np.testing.assert_array_equal(copies[0], X)
    for copy in copies[1:]:
        assert (copy != X).any()
    assert (copies[1] != copies[2]).any()
    np.testing.assert_array_equal(y_more.reshape(4, -1), [names] * 4)


@pytest.mark.parametrize("y", [LABELS.astype("int8"), LABELS.tolist(), np.eye(10)[LABELS]])
def test_enlarge_keeps_targets_of_any_kind(y):
    X_more, y_more = ImageAugmenter((8, 8)).enlarge(DIGITS, y)
    assert y_more.dtype == np.asarray(y).dtype
    np.testing.assert_array_equal(X_more, np.concatenate([DIGITS, DIGITS]))
    np.testing.assert_array_equal(y_more, np.concatenate([y, y]))


def test_enlarge_without_targets_and_with_a_data_frame():
    pandas = pytest.importorskip("pandas")
    augment = ImageAugmenter((8, 8), shift=1)
    X_more, y_more = augment.enlarge(pandas.DataFrame(DIGITS), random_state=0)
    assert y_more is None
    np.testing.assert_array_equal(X_more, augment.enlarge(DIGITS, random_state=0)[0])


# ---------------------------------------------------------------------------------------- mixup


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_takes_convex_combinations_with_beta_shares(alpha):
    n = 1000
    rows = np.eye(n)
    mixed, targets = Mixup(alpha)(rows, 2 * rows[:, :5], 0)
    np.testing.assert_allclose(mixed.sum(axis=1), 1)
    assert ((mixed > 0).sum(axis=1) <= 2).all()
    share = mixed.diagonal()
    partners = np.where(mixed - np.diag(share) > 0, 1, 0)
    assert (partners.sum(axis=0) <= 1).all()
    with_other = partners.any(axis=1)
    distribution = scipy.stats.beta(alpha, alpha)
    assert scipy.stats.kstest(share[with_other], distribution.cdf).pvalue > 1e-3
    np.testing.assert_allclose(targets, 2 * mixed[:, :5])


def test_mixup_takes_images_and_regression_targets():
    images, y = np.random.default_rng(0).random((50, 4, 3, 2)), np.arange(50.0)
    mixed, targets = Mixup(1.0)(images, y, 0)
    flat, columns = Mixup(1.0)(images.reshape(50, -1), y[:, np.newaxis], 0)
    np.testing.assert_array_equal(mixed.reshape(50, -1), flat)
    np.testing.assert_array_equal(targets[:, np.newaxis], columns)
    assert 0 <= targets.min() < targets.max() <= 49


@pytest.mark.parametrize(
    "y", [LABELS, LABELS.astype(str), LABELS.astype(object), LABELS == 1, LABELS.tolist()]
)
def test_mixup_wants_targets_that_can_be_mixed(y):
    with pytest.raises(
        ValueError, match=r"y_batch must be of dtype float32 or float64, got .*one-hot"
    ):
        Mixup()(DIGITS, y, 0)


def test_composed_steps_act_one_after_another_on_one_generator():
    X, y = digits()
    first, second = ImageAugmenter((8, 8), rotation=20), Mixup()
    rng = np.random.default_rng(1)
    expected = second(*first(X, y, rng), rng)
    found = Compose([first, second])(X, y, np.random.default_rng(1))
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(Compose([])(X, y)[0], X)


# ------------------------------------------------------------------------------- with estimators


@pytest.mark.parametrize("augment", AUGMENTERS.values(), ids=list(AUGMENTERS))
def test_augmenters_are_parameter_holders(augment):
    X, y = digits()
    expected = augment(X, y, 0)
    for twin in (clone(augment), pickle.loads(pickle.dumps(augment))):
        assert repr(twin) == repr(augment)
        np.testing.assert_array_equal(twin(X, y, 0)[0], expected[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", [DeepMLPClassifier((16,)), SoftmaxClassifier(solver="adam")])
@pytest.mark.parametrize("name", ["everything", "mixup", "composed"])
@pytest.mark.parametrize("n_classes", [2, 10])
def test_classifiers_learn_from_augmented_batches(estimator, name, n_classes):
    keep = n_classes > LABELS
    X, y = DIGITS[keep] / 16, LABELS[keep]
    model = clone(estimator).set_params(
        augment=AUGMENTERS[name], max_iter=20, learning_rate_init=0.01, random_state=0
    )
    assert model.fit(X, y).score(X, y) > 0.7
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_regressor_learns_from_mixed_rows():
    X, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    model = DeepMLPRegressor("squared_error", (16,), augment=Mixup(), random_state=0)
    assert model.set_params(max_iter=200).fit(X / X.std(), y).score(X / X.std(), y) > 0.4


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("search", [GridSearchCV, VectorizedGridSearchCV])
def test_an_augmenters_parameters_can_be_searched(search):
    model = DeepMLPClassifier((16,), max_iter=8, learning_rate_init=0.01, random_state=0)
    model.set_params(augment=ImageAugmenter((8, 8)))
    found = search(model, {"augment__rotation": [0.0, 15.0]}, cv=2).fit(DIGITS[:200], LABELS[:200])
    assert found.best_estimator_.augment.rotation == found.best_params_["augment__rotation"]
    assert len(set(found.cv_results_["mean_test_score"])) == 2


# --------------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotation": -1}, r"rotation must be a float in the range \[0.0, 180.0\], got -1"),
        ({"rotation": 181}, "rotation must be"),
        ({"rotation": np.nan}, "rotation must be .* got nan"),
        ({"rotation": "10"}, "rotation must be .* got '10'"),
        ({"rotation": True}, "rotation must be .* got True"),
        ({"rotation": None}, "rotation must be .* got None"),
        ({"shift": -0.1}, "shift must be"),
        ({"shift": np.inf}, r"shift must be a float in the range \[0.0, inf\), got inf"),
        ({"shift": (1, 2)}, "shift must be"),
        ({"zoom": 1}, "zoom must be"),
        ({"shear": 90}, "shear must be"),
        ({"elastic": -1}, "elastic must be"),
        ({"elastic_smoothness": 0}, "elastic_smoothness must be"),
        ({"noise": -1}, "noise must be"),
        ({"cutout": -1}, "cutout must be an int in the range"),
        ({"cutout": 1.5}, "cutout must be an int in the range"),
        ({"cutout": 9}, "cutout must be at most the image's shorter side, 8, got 9"),
        ({"fill_value": np.inf}, "fill_value must be"),
        ({"fill_mode": "wrap"}, r"fill_mode must be one of \['constant', 'nearest'\], got 'wrap'"),
        ({"horizontal_flip": 1}, "horizontal_flip must be True or False, got 1"),
        ({"vertical_flip": "yes"}, "vertical_flip must be True or False, got 'yes'"),
        ({"image_shape": 64}, r"image_shape must be \(height, width\) or .* got 64"),
        ({"image_shape": (64,)}, "image_shape must be"),
        ({"image_shape": (2, 2, 4, 4)}, "image_shape must be"),
        ({"image_shape": (8.0, 8)}, "image_shape must be"),
        ({"image_shape": (0, 8)}, "image_shape must be"),
        (
            {"image_shape": (8, 9)},
            r"X(_batch)? must have the shape \(n_samples, 72\)",
        ),
    ],
)
def test_bad_parameters_are_named(options, message):
    augment = ImageAugmenter((8, 8)).set_params(**options)
    with pytest.raises(ValueError, match=message):
        augment(DIGITS, None, 0)
    with pytest.raises(ValueError, match=message):
        augment.enlarge(DIGITS, LABELS)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            DIGITS.astype(int),
            "X(_batch)? must be of dtype float32 or float64, got int64: convert it",
        ),
        (DIGITS.astype("float16"), "X(_batch)? must be of dtype float32 .*, got float16"),
        (DIGITS[:, :63], r"got \(1797, 63\)"),
        (DIGITS.reshape(-1, 8, 4, 2), r"got \(1797, 8, 4, 2\)"),
        (DIGITS.reshape(-1, 8, 8, 1), r"got \(1797, 8, 8, 1\)"),
    ],
)
def test_other_arrays_than_images_are_refused(X, message):
    for call in (ImageAugmenter((8, 8), shift=1), ImageAugmenter((8, 8)).enlarge):
        with pytest.raises(ValueError, match=message):
            call(X)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_copies": 0}, "n_copies must be an integer >= 1, got 0"),
        ({"n_copies": 1.0}, "n_copies must be an integer >= 1, got 1.0"),
        ({"y": LABELS[:5]}, "inconsistent numbers of samples"),
        ({"X": np.full((3, 64), np.nan), "y": None}, "contains NaN"),
        ({"random_state": "seed"}, "cannot be used to seed"),
    ],
)
def test_bad_arguments_of_enlarge_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ImageAugmenter((8, 8)).enlarge(**{"X": DIGITS, "y": LABELS, **arguments})


@pytest.mark.parametrize("alpha", [0, -1, np.inf, np.nan, "0.2", True, None])
def test_a_bad_alpha_is_named(alpha):
    with pytest.raises(ValueError, match=f"alpha must be a float in the range .* got {alpha!r}"):
        Mixup(alpha)(*digits(), 0)


def test_mixup_wants_rows_that_can_be_mixed():
    X, y = digits()
    with pytest.raises(ValueError, match="X_batch must be of dtype float32 or float64, got int64"):
        Mixup()(X.astype(int), y, 0)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        Mixup()(X, y[:5], 0)


@pytest.mark.parametrize("steps", [Mixup(), [Mixup(), None], "steps", None])
def test_compose_wants_a_list_of_callables(steps):
    with pytest.raises(ValueError, match="steps must be a list of callables, got"):
        Compose(steps)(*digits(), 0)
