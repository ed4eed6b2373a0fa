"""MLflow's autolog, which knows searches by scikit-learn's classes, shown the vectorized ones.

``mlflow.sklearn.autolog`` wraps `fit` of each class of scikit-learn's. A vectorized search has a
`fit` of its own in front of those, so autolog would not see the search, and take the pipelines
within for fits of the user's. Where it is on, it is therefore given our `fit` to wrap as well, by
MLflow's own function and with its own wrapper. Where MLflow has not been imported, nothing happens.
"""

import importlib
import inspect
import sys
from typing import Any

from sklearn.model_selection import RandomizedSearchCV

from ..estimators._warnings import warn

# What MLflow calls autolog for scikit-learn.
INTEGRATION = "sklearn"

# Why this version of MLflow is not known, where that has been said.
_told: set[str] = set()


def let_autolog_wrap(search: type) -> bool:
    """Let autolog wrap `fit` of this class, where it has wrapped those of scikit-learn's searches.

    Returns
    -------
    wrapped : bool
        Whether the class's `fit` is another one now.
    """
    if "mlflow.sklearn" not in sys.modules or "fit" not in vars(RandomizedSearchCV):
        return False
    try:
        autologging = importlib.import_module("mlflow.utils.autologging_utils")
        if autologging.autologging_is_disabled(INTEGRATION):
            return False
        autologging.safe_patch(INTEGRATION, search, "fit", _what_autolog_does())
    except (ImportError, AttributeError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        if why not in _told:
            _told.add(why)
            warn(
                "The autolog of this version of MLflow does not see skdeep's searches "
                f"({why}): log the search yourself."
            )
        return False
    return True


def _what_autolog_does() -> Any:
    """What autolog calls in place of the `fit` of a search of scikit-learn's.

    MLflow keeps it nowhere but in the wrapper itself.
    """
    wrapper = vars(RandomizedSearchCV)["fit"]
    return inspect.getclosurevars(wrapper).nonlocals["patch_function"]
