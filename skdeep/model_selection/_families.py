"""The families of estimators that can be fitted together, and how each is.

What is the same for both are the functions of a module: which estimators share a fit, in stacks of
what size, and the stack itself.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator

from ..estimators import _stack as networks
from ..tabular import _stack as tables
from ..tabular._base import BaseTabularMLP


@dataclass(frozen=True)
class Family:
    """How estimators of a kind are fitted together.

    Parameters
    ----------
    why_alone : callable
        Why an estimator is fitted alone whatever the others are, None where it need not be.
    fit_key : callable
        What those that may be fitted together have in common.
    alike : callable
        From models and their data, parts of those that had better share a stack.
    n_epochs : callable
        How many epochs an estimator may train for, by the number of rows.
    ends_with_training : callable
        Whether more epochs would have changed those before.
    make_stack : callable
        Makes a stack of estimators on data.
    can_tell : bool
        Whether callbacks of a search can be told of the epochs of those in a stack.
    """

    why_alone: Callable[[Any], str | None]
    fit_key: Callable[[Any], Hashable]
    alike: Callable[..., list[networks.Part]]
    n_epochs: Callable[[Any, int], int]
    ends_with_training: Callable[[Any], bool]
    make_stack: Callable[..., Any]
    can_tell: bool


NETWORKS = Family(
    networks.why_alone,
    networks.fit_key,
    networks.alike,
    networks.n_epochs,
    networks.ends_with_training,
    networks.Stack,
    can_tell=True,
)
TABLES = Family(
    tables.why_alone,
    tables.fit_key,
    tables.alike,
    tables.n_epochs,
    tables.ends_with_training,
    tables.TableStack,
    can_tell=False,
)


def family_of(estimator: BaseEstimator) -> Family:
    """How an estimator is fitted with others; what is none of skdeep's is fitted alone."""
    return TABLES if isinstance(estimator, BaseTabularMLP) else NETWORKS
