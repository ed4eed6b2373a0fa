"""How the gallery is built: its order, and the figures and warnings that end the build."""

import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
EXTENSIONS = ROOT / "doc" / "_extensions"
spec = importlib.util.spec_from_file_location("course_gallery", EXTENSIONS / "course_gallery.py")
gallery = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gallery)


@pytest.fixture
def plt():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield pyplot
    pyplot.close("all")


@pytest.mark.parametrize(
    "section", sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_dir())
)
def test_every_example_has_its_place_in_the_order(section):
    names = {path.stem for path in (ROOT / "examples" / section).glob("plot_*.py")}
    missing = sorted(names - set(gallery.ORDER.get(section, ())))
    assert not missing, f"add {missing} to ORDER in {spec.origin}, where the course has them"


def test_examples_are_sorted_by_the_course_and_those_without_a_place_come_last():
    key = gallery.CourseOrder("../examples/practice")
    files = ["plot_unknown.py", "plot_dropout.py", "plot_another.py", "plot_splits.py"]
    expected = ["plot_splits.py", "plot_dropout.py", "plot_another.py", "plot_unknown.py"]
    assert sorted(files, key=key) == expected
    assert gallery.CourseOrder("../examples/new_section")("plot_any.py") == (0, "plot_any")


def test_warnings_are_errors_while_an_example_runs():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ignoring = list(warnings.filters)
        gallery.warnings_are_errors({}, "plot_any.py", "before")
        with pytest.raises(UserWarning, match="careful"):
            warnings.warn("careful", stacklevel=1)
        gallery.warnings_are_errors({}, "plot_any.py", "after")
        assert warnings.filters == ignoring
        warnings.warn("careful", stacklevel=1)


def check(source="figure.savefig('x.png')"):
    block = SimpleNamespace(content=source, lineno=7)
    return gallery.check_figures(block, {"src_file": "examples/practice/plot_any.py"}, {})


def finished(plt, n=1):
    figure, axes = plt.subplots(1, n, squeeze=False)
    for ax in axes.flat:
        ax.plot([1, 2, 3], [3, 2, 1], label="falling")
        ax.set(xlabel="epoch", ylabel="cost")
    return figure, axes.ravel()


def test_a_finished_figure_passes(plt):
    _, axes = finished(plt, 2)
    axes[0].legend(loc="upper right")
    axes[1].set_axis_off()
    assert check() == ""


def test_a_block_without_figures_passes(plt):
    assert check("a = 1") == ""


def test_a_figure_has_to_be_saved_in_the_block_that_makes_it(plt):
    finished(plt)
    with pytest.raises(
        gallery.UnfinishedFigure, match=r"plot_any.py, the block at line 7: .* not saved"
    ):
        check("figure, ax = plt.subplots()")


def test_an_empty_axes_is_found(plt):
    _, axes = plt.subplots(1, 2)
    axes[0].plot([1, 2])
    for ax in axes:
        ax.set_xlabel("epoch")
    with pytest.raises(gallery.UnfinishedFigure, match="axes 1 is empty"):
        check()


def test_a_figure_without_axes_is_found(plt):
    plt.figure()
    with pytest.raises(gallery.UnfinishedFigure, match="no axes"):
        check()


def test_an_axes_without_words_is_found(plt):
    _, ax = plt.subplots()
    ax.plot([1, 2])
    with pytest.raises(gallery.UnfinishedFigure, match="axes 0 has neither title nor label"):
        check()
    ax.set_title("Cost")
    assert check() == ""


def test_pictures_without_ticks_may_share_a_title(plt):
    figure, axes = plt.subplots(1, 2)
    for ax in axes:
        ax.imshow(np.eye(3))
        ax.set(xticks=[], yticks=[])
    with pytest.raises(gallery.UnfinishedFigure, match="neither title nor label"):
        check()
    figure.suptitle("Two digits")
    assert check() == ""


@pytest.mark.parametrize("kind", ["line", "points", "across"])
def test_a_legend_over_what_is_drawn_is_found(plt, kind):
    _, ax = plt.subplots()
    if kind == "line":
        ax.plot([0, 1], [0, 1], label="rising")
    elif kind == "points":
        ax.scatter(np.linspace(0, 1, 20), np.linspace(0, 1, 20), label="rising")
    else:
        ax.plot([0, 1], [0, 0])
        ax.axhline(0.97, label="rising")
        ax.set_ylim(0, 1)
    ax.set_xlabel("epoch")
    ax.legend(loc="upper right")
    with pytest.raises(gallery.UnfinishedFigure, match="the legend of axes 0 covers 'rising'"):
        check()
    ax.legend(loc="lower right" if kind != "across" else "center right")
    assert check() == ""


CONF = """
import sys
sys.path.insert(0, {extensions!r})
extensions = ["sphinx_gallery.gen_gallery"]
sphinx_gallery_conf = {settings!r}
"""
GOOD = """
figure, ax = plt.subplots()
ax.plot([1, 2])
ax.set_xlabel("epoch")
figure.savefig("any.png")
"""


def settings_of_the_site():
    """What doc/conf.py tells sphinx-gallery, for a gallery of one section."""
    source = (ROOT / "doc" / "conf.py").read_text("utf-8")
    text = source[source.index("sphinx_gallery_conf = {") :]
    names = {"course_gallery": gallery}
    exec(text[: text.index("\n}\n") + 3], names)
    settings = dict(names["sphinx_gallery_conf"])
    del settings["subsection_order"]
    return {**settings, "examples_dirs": "examples"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("", None),
        ("raise ValueError('no data')", "ValueError: no data"),
        ("import warnings; warnings.warn('careful')", "UserWarning: careful"),
        ("plt.subplots()", "axes 0 is empty"),
    ],
    ids=["good", "error", "warning", "empty"],
)
def test_an_example_that_fails_ends_the_build(tmp_path, ending, message):
    pytest.importorskip("sphinx_gallery")
    examples = tmp_path / "examples"
    examples.mkdir()
    (examples / "GALLERY_HEADER.rst").write_text("Examples\n========\n")
    head = '"""\nAny\n===\n\nAn example.\n"""\nimport matplotlib.pyplot as plt\n'
    (examples / "plot_any.py").write_text(head + GOOD + ending + "\n")
    conf = CONF.format(extensions=str(EXTENSIONS), settings=settings_of_the_site())
    (tmp_path / "conf.py").write_text(conf, "utf-8")
    (tmp_path / "index.rst").write_text("Site\n====\n\n.. toctree::\n\n   auto_examples/index\n")
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", ".", "out"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    if message is None:
        assert ran.returncode == 0, ran.stderr
        assert list((tmp_path / "out" / "_images").glob("sphx_glr_plot_any_001.png"))
    else:
        assert ran.returncode != 0
        assert message in ran.stderr + ran.stdout
