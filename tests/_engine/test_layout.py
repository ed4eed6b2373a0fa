"""The layout: slots tile θ without gaps, penalised ones first, and views are windows into it."""

import numpy as np
import pytest

from skdeep._engine.layout import Layout, Slot

SLOTS = [
    Slot("hidden 1", "W", (3, 2), penalised=True),
    Slot("hidden 1", "b", (1, 2)),
    Slot("output", "W", (2, 4), penalised=True),
    Slot("output", "b", (1, 4)),
]


@pytest.fixture
def layout():
    return Layout(SLOTS)


def test_spans_tile_theta_in_the_order_of_the_slots(layout):
    covered = np.concatenate([np.arange(layout.size)[layout.spans[s.key]] for s in layout.slots])
    np.testing.assert_array_equal(covered, np.arange(layout.size))
    assert layout.size == sum(slot.size for slot in SLOTS) == 20


def test_positions_in_a_wider_layout_are_its_upper_left_corners(layout):
    wider = Layout([Slot(s.layer, s.name, (s.shape[0] + 1, s.shape[1] + 2)) for s in SLOTS])
    theta = np.arange(1.0, wider.size + 1)
    views = wider.views(theta)
    own = layout.views(theta[layout.positions_in(wider)])
    for key, array in own.items():
        n, m = array.shape
        np.testing.assert_array_equal(array, views[key][:n, :m])


def test_penalised_slots_come_first_and_keep_their_order(layout):
    assert [slot.key for slot in layout.slots] == [
        ("hidden 1", "W"),
        ("output", "W"),
        ("hidden 1", "b"),
        ("output", "b"),
    ]
    assert layout.n_penalised == 6 + 8
    theta = np.arange(20.0)
    np.testing.assert_array_equal(layout.penalised(theta), theta[:14])
    assert np.shares_memory(layout.penalised(theta), theta)


@pytest.mark.parametrize("models", [(), (3,), (2, 3)])
def test_views_have_the_slots_shapes_and_follow_theta(layout, models):
    theta = np.zeros((*models, layout.size))
    views = layout.views(theta)
    for slot in SLOTS:
        assert views[slot.key].shape == (*models, *slot.shape)
        assert np.shares_memory(views[slot.key], theta)
    views["output", "b"][...] = 5.0
    assert theta[..., layout.spans["output", "b"]].sum() == 5 * 4 * np.prod(models)
    theta += 1
    assert (views["output", "b"] == 6).all()
    assert (views["hidden 1", "W"] == 1).all()


def test_views_of_a_population_are_the_views_of_its_members(layout, rng):
    theta = rng.normal(size=(3, layout.size))
    views = layout.views(theta)
    for k in range(3):
        for key, view in layout.views(theta[k]).items():
            np.testing.assert_array_equal(views[key][k], view)


def test_a_theta_of_the_wrong_length_is_refused_with_both_numbers(layout):
    with pytest.raises(ValueError, match=r"19 parameters .* places 20"):
        layout.views(np.zeros(19))


def test_spans_by_layer_gathers_the_pieces_of_each_layer(layout):
    assert layout.spans_by_layer() == {
        "hidden 1": [slice(0, 6), slice(14, 16)],
        "output": [slice(6, 14), slice(16, 20)],
    }


def test_a_layout_without_slots_is_empty():
    empty = Layout([])
    assert (empty.size, empty.n_penalised, empty.views(np.zeros((2, 0)))) == (0, 0, {})
