"""CONTRIBUTING.md says what is: its names exist, its calls are made, its steps add a part.

The page's blocks of code are put where their first lines say, in a copy of the package, and a
network is then fitted with the parts that are new in it. Its tree of calls is compared with those
of a fit.
"""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

import skdeep
from skdeep import DeepMLPClassifier
from skdeep._engine.activations import ACTIVATIONS
from skdeep._engine.initializers import INITIALIZERS
from skdeep._engine.losses import REGRESSION_LOSSES
from skdeep._engine.schedules import SCHEDULES
from skdeep._engine.solvers import SOLVERS

ROOT = Path(__file__).parents[1]
PACKAGE = Path(skdeep.__file__).parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROSE = FENCED.sub("", PAGE)
SECTIONS = dict(part.split("\n", 1) for part in re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)[1:])

# What stands in code on the page and is no name: shapes, NumPy's idioms, options, a type.
NOTATION = {"(P,)", "(K, P)", "...", "axis=-1", "swapaxes(-1, -2)", "Any"}
# And what is typed, or stands for parts of names.
NOTATION |= {"py", "python3", ".venv\\Scripts\\", "&&", "tox -e 3.13-oldest"}
NOTATION |= {"plot_*.py", "plot_", ".dev0"}
OPTIONS = {
    "--doctest-glob": ("pyproject.toml", '"--doctest-glob='),
    '-m "not slow"': ("pyproject.toml", '"slow:'),
    "--check": (".ci/measure_structure.py", '"--check"'),
}


def spans():
    """What the page has in code within its text, commands apart."""
    found = re.findall(r"`([^`\n]+)`", PROSE)
    return sorted({span for span in found if not span.startswith(".venv/bin/")})


def needs_ci(path):
    if str(path).startswith(".ci") and not (ROOT / ".ci").exists():
        pytest.skip("the checks are not here")


# ------------------------------------------------------------------------------------ what it names


def parsed(path):
    return ast.parse(path.read_text("utf-8"))


def targets_of(node):
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {leaf.id for one in targets for leaf in ast.walk(one) if isinstance(leaf, ast.Name)}


def definitions(tree, within=""):
    """Names of the classes, functions and values that are defined, and members by `Class.name`."""
    found = set()
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            found |= {within + name for name in targets_of(node)}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(within + node.name)
            if isinstance(node, ast.ClassDef):
                found |= definitions(node, f"{node.name}.")
            else:
                inner = (one.name for one in ast.walk(node) if isinstance(one, ast.FunctionDef))
                found |= set(inner)
    return found


MODULES = [parsed(path) for path in sorted(PACKAGE.rglob("*.py"))]
DEFINED = set().union(*map(definitions, MODULES))
DEFINED |= {name.split(".")[-1] for name in DEFINED}
ARGUMENTS = {node.arg for tree in MODULES for node in ast.walk(tree) if isinstance(node, ast.arg)}


def is_known(name):
    """A class, a constant or a member is defined; any other name may be an argument's."""
    is_of_values = "." not in name and (len(name) == 1 or name[0].islower())
    return name in DEFINED or (is_of_values and name in ARGUMENTS)


@pytest.mark.parametrize("span", sorted(set(spans()) - NOTATION - set(OPTIONS)))
def test_what_the_page_names_exists(span):
    path, _, name = span.partition("::")
    if "/" in path or path.endswith((".md", ".toml", ".ini", "hatch_build.py")):
        needs_ci(path)
        found = ROOT / path
        assert found.is_dir() if path.endswith("/") else found.is_file()
        if name:
            assert name in definitions(parsed(found))
        return
    assert re.fullmatch(r"[\w.]+", span), f"{span!r} is neither a name nor a path"
    assert is_known(span)


def test_notation_and_options_are_on_the_page():
    assert set(spans()) >= NOTATION | set(OPTIONS)


@pytest.mark.parametrize("option", OPTIONS)
def test_options_are_known_to_what_takes_them(option):
    path, text = OPTIONS[option]
    needs_ci(path)
    assert text in (ROOT / path).read_text("utf-8")


def test_a_name_that_is_not_there_would_be_found():
    for name in ("Recipe", "Recipe.key_of_fit", "SOLVERS", "Fit.run", "slots", "forward", "theta"):
        assert is_known(name)
    for name in ("Receipt", "Recipe.cook", "Fit.theta", "SOLVER", "Theta", "thetas"):
        assert not is_known(name)


def rooms():
    packages = [path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]
    modules = [path for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]
    names = [f"skdeep/{path.relative_to(PACKAGE).as_posix()}/" for path in packages]
    return sorted(names + [f"skdeep/{path.name}" for path in modules])


@pytest.mark.parametrize("room", rooms())
def test_every_room_is_described(room):
    assert f"`{room}`" in SECTIONS["How the code is laid out"]


# -------------------------------------------------------------------------------------- the set-up


def commands():
    table = re.findall(r"^\| .* \| `([^`]+)`.*\|$", PAGE, re.MULTILINE)
    return [*(command.strip() for cell in table for command in cell.split("&&")), *set_up()]


def set_up():
    (block,) = (text for language, text in FENCED.findall(PAGE) if language == "sh")
    return [command.strip() for command in block.split("&&")][1:]


def dev_requirements():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = extras["optional-dependencies"]
    combined, *others = extras["dev"]
    names = re.search(r"\[(.*)\]", combined)[1].split(",")
    everything = [*others, *(one for name in names for one in extras[name])]
    return {re.match(r"[\w-]+", one)[0] for one in everything} | {"python", "pip"}


def test_the_table_of_commands_is_read():
    assert len(commands()) == 15


@pytest.mark.parametrize("command", commands())
def test_a_command_calls_what_there_is(command):
    tool, *arguments = command.split()
    if tool.startswith(".venv/bin/"):
        tool = {"sphinx-build": "sphinx"}.get(Path(tool).name, Path(tool).name)
        assert tool in dev_requirements()
    else:
        arguments.append(tool)
    if tool == "pip":
        assert arguments[-1] == '".[dev]"'
    for path in arguments:
        if path.startswith((".ci/", "doc")) and path != "doc/_build/html":
            needs_ci(path)
            assert (ROOT / path).exists()


# ------------------------------------------------------------------------------------- its calls


def calls_on_the_page():
    """Of each line its path of names from the top, and its file."""
    (tree,) = (text for language, text in FENCED.findall(PAGE) if language == "text")
    above, lines = [], []
    for line in tree.splitlines():
        name, file = line.split()
        depth = (len(line) - len(line.lstrip())) // 2
        above[depth:] = [name]
        lines.append((tuple(above), file))
    return lines


@pytest.fixture(scope="module")
def calls():
    """Every call of skdeep's while a network is fitted and predicts: names from the top, file."""
    made = []

    def ours(frame):
        path = Path(frame.f_code.co_filename)
        return path.is_relative_to(PACKAGE)

    def note(frame, event, _):
        if event != "call" or not ours(frame):
            return
        stack, inner = [], frame
        while inner is not None:
            if ours(inner):
                stack.append(inner.f_code.co_qualname.replace("<locals>.", ""))
            inner = inner.f_back
        file = Path(frame.f_code.co_filename).relative_to(PACKAGE.parent).as_posix()
        made.append((tuple(reversed(stack)), file))

    X, y = load_iris(return_X_y=True)
    model = DeepMLPClassifier((4,), max_iter=2, tol=0, random_state=0)
    sys.setprofile(note)
    try:
        with pytest.warns(UserWarning, match="Maximum iterations"):
            model.fit(scale(X), y)
        model.predict(scale(X))
    finally:
        sys.setprofile(None)
    return made


def is_among(names, stack):
    """Whether names come in this order in a stack that ends with the last of them."""
    rest = iter(stack)
    return stack[-1] == names[-1] and all(name in rest for name in names)


def first_call(calls, names, file):
    return next(
        (i for i, (stack, where) in enumerate(calls) if where == file and is_among(names, stack)),
        None,
    )


@pytest.mark.parametrize(("names", "file"), calls_on_the_page(), ids=lambda one: str(one[-1]))
def test_the_calls_on_the_page_are_made(names, file, calls):
    assert first_call(calls, names, file) is not None


def test_calls_are_in_the_order_in_which_they_come(calls):
    order = [first_call(calls, *line) for line in calls_on_the_page()]
    assert order == sorted(order)
    assert len(order) > 20


# ----------------------------------------------------------------------------------- adding a part


def blocks(section):
    """File, place and code of the blocks of a section."""
    for language, text in FENCED.findall(SECTIONS[section]):
        assert language == "python"
        first, code = text.split("\n", 1)
        yield *re.fullmatch(r"# (\S+), (.+)", first).groups(), code


def literal_of(value):
    """The tuple or dict that a table is written as, or is made from."""
    return value.generators[0].iter if isinstance(value, ast.DictComp) else value


def put(source, place, code):
    """The source with the code in its place."""
    tree, lines = ast.parse(source), source.split("\n")
    if place == "at its end":
        return f"{source}\n\n{code}"
    if place == "among its imports":
        last = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))][-1]
        return "\n".join([*lines[: last.end_lineno], code, *lines[last.end_lineno :]])
    where, name = place.split()
    assignments = (n for n in tree.body if isinstance(n, (ast.Assign, ast.AnnAssign)))
    (table,) = (node for node in assignments if targets_of(node) == {name})
    if where == "above":
        return "\n".join([*lines[: table.lineno - 1], code, "", *lines[table.lineno - 1 :]])
    assert where == "in"
    end = literal_of(table.value)
    before = "\n".join(
        [*lines[: end.end_lineno - 1], lines[end.end_lineno - 1][: end.end_col_offset - 1]]
    )
    comma = "" if before.rstrip().endswith((",", "(", "{")) else ","
    return f"{before.rstrip()}{comma}\n{code.rstrip()},\n{source[len(before) :]}"


PARTS = ["A solver", "A loss", "An activation", "A schedule", "An initializer"]


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the package with all parts of the page."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(PACKAGE, folder / "skdeep", ignore=shutil.ignore_patterns("__pycache__"))
    for part in PARTS:
        for file, place, code in blocks(part):
            path = folder / file
            path.write_text(put(path.read_text("utf-8"), place, code), "utf-8")
    return folder


BEGIN = """
import warnings
import numpy as np
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale
import skdeep
from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD
from skdeep.inspection import gradient_check

# Most of these fits end with their budget of epochs.
warnings.simplefilter("error")
warnings.simplefilter("ignore", ConvergenceWarning)
X, y = load_iris(return_X_y=True)
X = scale(X)
positive = np.exp(X[:, 0] + 0.1 * X[:, 1])


def network(**parameters):
    return DeepMLPClassifier((4,), max_iter=5, random_state=0, **parameters)
"""

SOLVER = """
from sklearn.model_selection import GridSearchCV
from skdeep.model_selection import VectorizedGridSearchCV, suggested_space

binary = y > 0
settings = {"batch_size": "full", "shuffle": False, "alpha": 0, "max_iter": 3}
model = LogisticRegressionGD(solver="adagrad", **settings).fit(X, binary)
# The formula from zero weights, at the row's own learning rate.
ones = np.column_stack([X, np.ones(150)])
w, S = np.zeros(5), np.zeros(5)
for _ in range(3):
    g = ones.T @ (1 / (1 + np.exp(-ones @ w)) - binary) / 150
    S = S + g**2
    w = w - 0.01 * g / (np.sqrt(S) + 1e-8)
np.testing.assert_allclose([*model.coef_[0], *model.intercept_], w, rtol=1e-9)
rates = suggested_space(network(solver="adagrad"))["learning_rate_init"]
assert (rates.low, rates.high) == (1e-3, 1e-1)
fitted = network(solver="adagrad", learning_rate_init=0.05, batch_size=30).fit(X, y)
assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]
assert len(fitted.partial_fit(X, y).loss_curve_) == 6
space = {"learning_rate_init": [0.001, 0.01, 0.1]}
one_by_one, at_once = (
    search(network(solver="adagrad"), space, cv=3).fit(X, y).cv_results_["mean_test_score"]
    for search in (GridSearchCV, VectorizedGridSearchCV)
)
np.testing.assert_allclose(one_by_one, at_once)
"""

LOSS = """
from sklearn.metrics import mean_tweedie_deviance

model = DeepMLPRegressor("inverse_gaussian", (4,), solver="lbfgs", alpha=0, random_state=0)
model.fit(X, positive)
half_deviance = mean_tweedie_deviance(positive, model.predict(X), power=3) / 2
np.testing.assert_allclose(model.loss_, half_deviance, rtol=1e-9)
assert model.out_activation_ == "exp"
assert gradient_check(model.set_params(max_iter=2).fit(X, positive), X, positive).verdict == "great"
flat = DeepMLPRegressor("inverse_gaussian", (), solver="lbfgs", alpha=0, tol=1e-9)
flat.fit(np.zeros((150, 1)), positive)
best = flat._make_loss().best_constant(positive[:, np.newaxis])
np.testing.assert_allclose(flat.intercepts_[0], best, rtol=1e-6)
try:
    model.fit(X, X[:, 0])
except ValueError as error:
    assert "loss='inverse_gaussian' needs `y` > 0" in str(error)
else:
    raise AssertionError("targets out of range are taken")
"""

ACTIVATION = """
model = DeepMLPRegressor(activation="softsign", hidden_layer_sizes=(5, 4), max_iter=5)
model.fit(X, positive)
a = X
for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1]):
    z = a @ W + b
    a = z / (1 + np.abs(z))
expected = a @ model.coefs_[-1] + model.intercepts_[-1]
np.testing.assert_allclose(model.predict(X), expected[:, 0], rtol=1e-12)
assert gradient_check(model, X, positive).verdict == "great"
assert gradient_check(network(activation=["softsign"]), X, y).verdict == "great"
"""

SCHEDULE = """
settings = {"solver": "sgd", "learning_rate_init": 0.1, "tol": 0}
named = network(learning_rate="logarithmic", decay_rate=0.5, **settings).fit(X, y)
formula = network(learning_rate=lambda epoch: 1 / (1 + 0.5 * np.log1p(epoch)), **settings).fit(X, y)
np.testing.assert_allclose(named.loss_curve_, formula.loss_curve_, rtol=1e-12)
constant = network(**settings).fit(X, y)
assert constant.loss_curve_[0] == named.loss_curve_[0]
assert constant.loss_curve_[2] != named.loss_curve_[2]
"""

INITIALIZER = """
start = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1, "random_state": 0}
model = DeepMLPClassifier((400, 400), weight_init="small_uniform", **start).fit(X, y)
bound = 3**0.5 * 0.01
W = model.coefs_[1]
assert 0.99 * bound < np.abs(W).max() <= bound
np.testing.assert_allclose(W.std(), 0.01, rtol=0.01)
"""

PROOFS = dict(zip(PARTS, [SOLVER, LOSS, ACTIVATION, SCHEDULE, INITIALIZER], strict=True))


def ran(script, folder):
    return subprocess.run(
        [sys.executable, "-c", BEGIN + script],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("part", PARTS)
def test_the_steps_of_the_page_add_a_part(part, extended):
    done = ran(f"assert skdeep.__file__.startswith({str(extended)!r})" + PROOFS[part], extended)
    assert done.returncode == 0, done.stderr


def test_the_parts_of_the_page_are_not_there_without_it():
    assert "adagrad" not in SOLVERS
    assert "inverse_gaussian" not in REGRESSION_LOSSES
    assert "softsign" not in ACTIVATIONS
    assert "logarithmic" not in SCHEDULES
    assert "small_uniform" not in INITIALIZERS


def test_every_kind_of_part_is_on_the_page():
    headings = re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    assert headings == [*PARTS, "A layer"]
    assert all(list(blocks(part)) for part in PARTS)
