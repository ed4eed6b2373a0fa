"""scikit-learn's checks of its conventions, on both transformers; nothing is excused."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.preprocessing import PiecewiseLinearEncoder, TableEncoder

CONFIGURATIONS = [
    PiecewiseLinearEncoder(),
    PiecewiseLinearEncoder(3, scale=2.0, dtype="float64"),
    TableEncoder(),
    TableEncoder(5, scale=None, dtype="float64"),
    TableEncoder(categorical_features=[0], min_frequency=1),
    TableEncoder(categorical_features=None),
]


CHECKS = [
    pytest.param(estimator, check, id=f"{estimator}-{getattr(check, 'func', check).__name__}")
    for configuration in CONFIGURATIONS
    for estimator, check in estimator_checks_generator(configuration)
]


# The checks have warnings of their own: of few rows, and of checks that they skip.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_conventions_of_scikit_learn(estimator, check):
    check(estimator)


BAD_PARAMETERS = [
    (PiecewiseLinearEncoder, {"n_bins": 0}),
    (PiecewiseLinearEncoder, {"n_bins": 2.5}),
    (PiecewiseLinearEncoder, {"scale": 0.0}),
    (PiecewiseLinearEncoder, {"scale": "auto"}),
    (PiecewiseLinearEncoder, {"dtype": "float16"}),
    (TableEncoder, {"n_bins": 0}),
    (TableEncoder, {"categorical_features": "all"}),
    (TableEncoder, {"categorical_features": 3}),
    (TableEncoder, {"min_frequency": 0}),
    (TableEncoder, {"max_categories": 0}),
    (TableEncoder, {"scale": -1.0}),
    (TableEncoder, {"scale": np.inf}),
    (TableEncoder, {"dtype": int}),
]


@pytest.mark.parametrize(("Encoder", "parameters"), BAD_PARAMETERS)
def test_a_bad_parameter_is_named(Encoder, parameters):
    ((name, value),) = parameters.items()
    message = f"The '{name}' parameter of {Encoder.__name__} must be"
    with pytest.raises(ValueError, match=message) as caught:
        Encoder(**parameters).fit([[1.0], [2.0]])
    assert repr(value) in str(caught.value)


@pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has none")
@pytest.mark.parametrize("encoder", CONFIGURATIONS, ids=str)
def test_callbacks_of_a_pipeline_hear_of_it(encoder):
    heard = []

    class Listener:
        max_propagation_depth = None

        def setup(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context):
            heard.append(("begin", context.estimator_name))

        def on_fit_task_end(self, estimator, context):
            heard.append(("end", context.estimator_name))

        def teardown(self, estimator, context): ...

    name = type(encoder).__name__
    X = np.arange(20.0).reshape(10, 2)
    # What does not support callbacks is warned of, and warnings are errors.
    make_pipeline(clone(encoder), StandardScaler()).set_callbacks(Listener()).fit(X, X[:, 0])
    assert [event for event, of in heard if of == name] == ["begin", "end"]
