"""How the gallery is built: the order of its examples, and what an example has to keep to.

The build runs every example, with warnings as errors, and looks at each figure as it is captured,
at the end of the block of code that has made it. A figure that is not finished there, or cannot
be read, ends the build.
"""

import warnings
from pathlib import Path

# The sections and their examples, in the course's order; what it has no section for comes last.
ORDER = {
    "neural_networks": (
        "plot_supervised_learning",  # I 1
        "plot_cost_and_descent",  # I 2
        "plot_vectorisation",  # I 3.1
        "plot_rank_one_arrays",  # I 3.2, 3.3
        "plot_layers",  # I 4.1
        "plot_activations",  # I 4.2, 4.3
        "plot_which_activation",  # I 4.2
        "plot_dimensions",  # I 5.1
        "plot_forward_and_backward",  # I 4.4, 5.2
        "plot_initialisation",  # I 4.5, II 1.10
        "plot_hyperparameters",  # I 5.3
    ),
    "practice": (
        "plot_splits",  # II 1.1
        "plot_bias_variance",  # II 1.2, 1.3
        "plot_four_cases",  # II 1.2
        "plot_regularisation",  # II 1.4, 1.5
        "plot_nearly_linear",  # II 1.5
        "plot_dropout",  # II 1.6, 1.7
        "plot_augmentation",  # II 1.8
        "plot_early_stopping",  # II 1.8
        "plot_normalise_inputs",  # II 1.9
        "plot_gradient_check",  # II 1.11
    ),
    "optimisation": (
        "plot_batch_size",  # II 2.1
        "plot_small_data_batches",  # II 2.1
        "plot_weighted_average",  # II 2.2
        "plot_momentum_and_adam",  # II 2.3 to 2.5
        "plot_learning_rate_decay",  # II 2.6
        "plot_leave_a_plateau",  # II 2.7
    ),
    "tuning": (
        "plot_tune_digits",  # II 3.1
        "plot_grid_against_random",  # II 3.1
        "plot_coarse_to_fine",  # II 3.1
        "plot_babysit_one_model",  # II 3.1
        "plot_batch_norm",  # II 3.2
        "plot_batch_norm_noise",  # II 3.2
        "plot_softmax",  # II 3.4
        "plot_frameworks",  # II 3.5
    ),
    "tables": ("plot_tables",),
}
# The share of a line, or of a panel's points, that a legend may lie on.
COVERED = 0.03


class CourseOrder:
    """A key to sort the examples of one section by; those that `ORDER` does not name come last."""

    def __init__(self, src_dir):
        self.names = ORDER.get(Path(src_dir).name, ())

    def __call__(self, filename):
        name = Path(filename).stem
        place = self.names.index(name) if name in self.names else len(self.names)
        return place, name


# -------------------------------------------------------------------------------------- warnings

_caught = []


def warnings_are_errors(gallery_conf, fname, when):
    """Reset hook: warnings are errors while an example runs, and what they were afterwards."""
    while _caught:
        _caught.pop().__exit__(None, None, None)
    if when == "before" and fname is not None:
        _caught.append(warnings.catch_warnings())
        _caught[-1].__enter__()
        warnings.simplefilter("error")


# --------------------------------------------------------------------------------------- figures

# Okabe and Ito's palette, told apart with any kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def colours_for_all(gallery_conf, fname):
    """Reset hook: the colours of lines, which examples name "C0", "C1" and so on."""
    from matplotlib import cycler, rcParams

    rcParams["axes.prop_cycle"] = cycler(color=COLOURS)


class UnfinishedFigure(Exception):
    """A figure that readers should not be shown."""


def check_figures(block, block_vars, gallery_conf):
    """Image scraper that saves nothing, and raises if a figure is not fit for the next to save."""
    from matplotlib import pyplot as plt

    figures = [plt.figure(number) for number in plt.get_fignums()]
    where = f"{Path(block_vars['src_file']).name}, the block at line {block.lineno}"
    if figures and "savefig(" not in block.content:
        raise UnfinishedFigure(
            f"{where}: a figure is made here and not saved. Make, fill, label and save it in one "
            "block: at its end the figure is captured and closed."
        )
    for figure in figures:
        faults = faults_of(figure)
        if faults:
            raise UnfinishedFigure(f"{where}: {'; '.join(faults)}.")
    return ""


def faults_of(figure):
    """What is wrong with a figure, each fault in words."""
    figure.draw_without_rendering()
    if not figure.axes:
        return ["a figure has no axes"]
    faults = []
    for number, ax in enumerate(figure.axes):
        if not ax.axison:
            continue
        name = f"axes {number}" + (f" ({ax.get_title()!r})" if ax.get_title() else "")
        if not (ax.has_data() or ax.texts or ax.tables):
            faults.append(f"{name} is empty")
        if not _is_labelled(ax):
            faults.append(f"{name} has neither title nor label")
        covered = _covered_by_legend(ax)
        if covered:
            faults.append(f"the legend of {name} covers {', '.join(covered)}")
    return faults


def _is_labelled(ax):
    own = [
        ax.get_xlabel(),
        ax.get_ylabel(),
        *(ax.get_title(loc) for loc in ("left", "center", "right")),
    ]
    # A picture without ticks, one of several: the title may stand above all of them.
    is_picture = ax.images and not ax.get_xticks().size and not ax.get_yticks().size
    return any(own) or bool(is_picture and ax.get_figure(root=False).get_suptitle())


def _covered_by_legend(ax):
    """The lines and points of which more than a little is behind the legend of their axes."""
    legend = ax.get_legend()
    if legend is None:
        return []
    box = legend.get_window_extent()
    drawn = {line.get_label(): _along(line, ax) for line in ax.lines if line.get_visible()}
    for points in ax.collections:
        if points.get_visible() and len(points.get_offsets()) > 1:
            drawn[points.get_label()] = points.get_offset_transform().transform(
                points.get_offsets()
            )
    return [
        f"{label!r}"
        for label, places in drawn.items()
        if len(places) and box.count_contains(places) > COVERED * len(places)
    ]


def _along(line, ax):
    """Places along a line as it is drawn, in pixels and evenly spaced, as far as the axes reach."""
    import numpy as np

    corners = line.get_transform().transform_path(line.get_path()).vertices
    corners = corners[np.isfinite(corners).all(axis=1)]
    if line.get_linestyle() == "None" or len(corners) < 2:
        places = corners
    else:
        lengths = np.append(0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1)))
        steps = np.linspace(0, lengths[-1], 500)
        places = np.column_stack([np.interp(steps, lengths, way) for way in corners.T])
    if not len(places):
        return places
    left, bottom, right, top = ax.get_window_extent().extents
    inside = (places >= (left - 1, bottom - 1)) & (places <= (right + 1, top + 1))
    return places[inside.all(axis=1)]
