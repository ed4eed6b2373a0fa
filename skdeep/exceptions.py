"""skdeep's own warnings."""

from sklearn.exceptions import ConvergenceWarning

__all__ = ["NoProgressWarning"]


class NoProgressWarning(ConvergenceWarning):
    """A fit has ended no better than a constant prediction, or worse than it had been.

    Its message names what seems to be the cause, and the parameter to change.

    Examples
    --------
    >>> import warnings
    >>> from skdeep.exceptions import NoProgressWarning
    >>> warnings.simplefilter("error", NoProgressWarning)
    """
