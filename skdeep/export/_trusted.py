"""What a reader of skops files has to trust for estimators of ours to be read: their names."""

import importlib
import inspect

from ..model_selection._ensemble import ClassifierEnsemble, RegressorEnsemble

# Where the classes are that estimators, searches and their parameters are objects of.
MODULES = ("", ".preprocessing", ".model_selection", ".callbacks", ".augmentation")


def trusted_types() -> list[str]:
    """The types that skops has to be told to trust to load estimators of skdeep.

    `skops.io.load` makes objects of no type that it was not told to trust, beyond those of NumPy,
    SciPy and scikit-learn that it knows. All that a fit of skdeep leaves behind is arrays, numbers,
    lists and dicts within these classes. What you have passed as parameters comes on top: the types
    of a distribution of SciPy's, of a callable, of your own callback or splitter.

    Returns
    -------
    names : list of str
        Full names of skdeep's public classes: estimators, searches and their ensembles, encoders,
        and what they take as parameters, distributions, callbacks and augmentations.

    See Also
    --------
    DenseLayer : The numbers of a network, for other programs than Python's.

    Notes
    -----
    To load a file that is trusted in this way runs no code of the file's. An estimator with a
    `Checkpoint` or a `TrainingLog` among its callbacks writes to the paths that they have once it
    is fitted again.

    References
    ----------
    https://skops.readthedocs.io/en/stable/persistence.html

    Examples
    --------
    >>> import skops.io
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import SoftmaxClassifier
    >>> from skdeep.export import trusted_types
    >>> X, y = load_iris(return_X_y=True)
    >>> written = skops.io.dumps(SoftmaxClassifier().fit(X, y))
    >>> model = skops.io.loads(written, trusted=trusted_types())
    >>> model.score(X, y) > 0.9
    True
    """
    package = __package__.partition(".")[0]
    # What `ensemble_` of a search is.
    found: set[type] = {ClassifierEnsemble, RegressorEnsemble}
    for module in MODULES:
        home = importlib.import_module(package + module)
        objects = [getattr(home, name) for name in home.__all__]
        found |= {one for one in objects if inspect.isclass(one)}
    return sorted(f"{one.__module__}.{one.__qualname__}" for one in found)
