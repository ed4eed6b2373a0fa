"""Every public callable × every argument × values of all kinds: an error names the argument.

What is public is found here, not listed: an argument without an entry in `argument_cases.py` fails.
Methods that scikit-learn's classes bring are scikit-learn's to check.
"""

import importlib
import inspect
import pkgutil
import re
import warnings

import pytest
from argument_cases import CASES
from bad_values import MAKERS, NAMES
from drawing import plt

import skdeep

ROOMS = [
    importlib.import_module(f"skdeep.{room.name}")
    for room in pkgutil.iter_modules(skdeep.__path__)
    if not room.name.startswith("_")
]

# What is public and yet called, or made, by none but skdeep and scikit-learn.
EXEMPT = {
    # What functions return: it is read, and holds whatever it is given.
    "BiasVarianceResult",
    "DenseLayer",
    "EncodedColumn",
    "GradientCheckResult",
    "LayerStatistics",
    "SameDistributionResult",
    # What takes a framework that need not be here: called with bad values where that is tested.
    "from_keras",
    "from_torch",
    "onnx_inputs",
    "onnx_types",
    "to_keras",
    "to_paddle",
    "to_torch",
    *(
        # What scikit-learn calls while a fit runs.
        f"{callback}.{hook}"
        for callback in ("Checkpoint", "LearningRateControl", "TrainingLog")
        for hook in ("setup", "teardown", "on_fit_task_begin", "on_fit_task_end")
    ),
}


def arguments_of(called):
    """The names of all arguments but self and those that are passed on by their own names."""
    return [
        name
        for name, one in inspect.signature(called).parameters.items()
        if name != "self" and one.kind is not one.VAR_KEYWORD
    ]


def methods_of(kind):
    for name in dir(kind):
        found = getattr(kind, name)
        ours = str(getattr(found, "__module__", "")).startswith("skdeep")
        if callable(found) and ours and (name == "__call__" or not name.startswith("_")):
            yield name, found


def public_callables():
    """Each by its name, a method behind its class."""
    for module in (skdeep, *ROOMS):
        for name in getattr(module, "__all__", ()):
            found = getattr(module, name)
            if inspect.ismodule(found) or (inspect.isclass(found) and issubclass(found, Exception)):
                continue
            yield name, found
            if inspect.isclass(found):
                for method, function in methods_of(found):
                    # Of a class that is callable `__call__` is that of its type.
                    if method != "__call__" or "__call__" in vars(found):
                        yield f"{name}.{method}", function


def test_every_argument_of_all_that_is_public_is_tried():
    public = {
        (name, argument)
        for name, found in public_callables()
        if name not in EXEMPT
        for argument in arguments_of(found)
    }
    # A method may have several cases: "C.fit" and "C.fit with a dev set".
    tried = {(name.split()[0], argument) for name, case in CASES.items() for argument in case.legal}
    assert public - tried == set()
    assert tried - public == set()


def test_only_values_that_there_are_are_declared():
    for case in CASES.values():
        for declared in (*case.legal.values(), *case.untried.values()):
            assert declared <= NAMES


def complaint(case, argument, value):
    """What is wrong with what a case does with a value in place of an argument; None if nothing."""
    error = None
    try:
        case(**{argument: MAKERS[value]()})
    except Exception as raised:
        error = raised
    if value in case.legal[argument]:
        return None if error is None else f"is legal, and raised {error!r}"
    if error is None:
        return "is bad, and passed"
    if not isinstance(error, (TypeError, ValueError)):
        return f"raised {error!r}"
    if not re.search(rf"(?<!\w){re.escape(argument)}(?!\w)", str(error)):
        return f"raised an error that does not name it: {error!r}"
    return None


@pytest.mark.parametrize("name", CASES)
def test_bad_values_are_refused_by_name_and_legal_ones_pass(name):
    case, complaints = CASES[name], []
    with warnings.catch_warnings():
        # Of epochs that are too few, of figures, of columns: not what is asked here.
        warnings.simplefilter("ignore")
        for argument in case.legal:
            for value in NAMES - case.untried.get(argument, set()):
                told = complaint(case, argument, value)
                if told is not None:
                    complaints.append(f"{argument}={value} {told}")
            plt.close("all")
    assert not complaints, "\n".join(sorted(complaints))
