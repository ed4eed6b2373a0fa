"""What the classifiers share: labels, class weights, and the ways to predict."""

from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from .._arguments import ErrorsName
from .._engine.backend import Array, FloatType, Matrix
from .._engine.links import LOGISTIC
from .._engine.losses import LogisticCrossEntropy, Loss, SoftmaxCrossEntropy
from .._fit.dev import DevPart, SharedScore
from .._inputs import ClassWeight, MatrixLike
from ._base import BaseNetworkEstimator
from ._class_weights import ClassWeights
from ._compat import StrOptions
from ._parameters import constraints_of
from ._targets import ClassLabels
from ._validation import weighted_fractions


class NetworkClassifier(ClassifierMixin, BaseNetworkEstimator):
    """Encodes labels for the engine and decodes its raw outputs."""

    label_smoothing: float
    class_weight: ClassWeight

    _parameter_constraints: dict[str, list[object]] = {
        **BaseNetworkEstimator._parameter_constraints,
        **constraints_of([SoftmaxCrossEntropy, LogisticCrossEntropy]),
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    _always_softmax = False

    # -------------------------------------------------------------------------------- training

    def _learn_targets(self, y: Matrix, classes: ArrayLike | None) -> None:
        learnt = ClassLabels.of(y, always_softmax=self._always_softmax)
        if classes is not None and learnt.kind != "multilabel":
            learnt = ClassLabels.of_classes(classes, always_softmax=self._always_softmax)
        self._labels = learnt
        self.classes_ = learnt.classes

    def _check_targets(self, y: Matrix) -> None:
        if not self.warm_start or self._labels.kind == "multilabel":
            return
        classes = np.unique(np.asarray(y))
        if set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {classes}"
            )

    def _check_classes_argument(self, classes: ArrayLike | None) -> None:
        """partial_fit's `classes`: needed at the first call, the same ever after."""
        # A first call that failed has left classes_ behind, but no training to go on with.
        known = self.classes_ if hasattr(self, "_state") else None
        if known is None and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if known is None or classes is None:
            return
        with ErrorsName("classes"):
            given = np.unique(classes)
        if not np.array_equal(known, given):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, "
                f"was: {known!r}"
            )

    def _check_incremental(self) -> None:
        super()._check_incremental()
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit. In order to use "
                "'balanced' weights, use compute_class_weight('balanced', classes=classes, y=y) "
                "on the whole of y, and pass the resulting weights as the class_weight parameter."
            )

    def _encode_targets(self, y: Matrix, dtype: FloatType, name: str = "y") -> Array:
        return self._labels.encode(y, dtype, name=name)

    def _n_network_outputs(self, encoded: Array) -> int:
        return self._labels.n_outputs

    def _make_loss(self) -> Loss:
        smoothing = float(self.label_smoothing)
        if self._labels.kind == "multiclass":
            return SoftmaxCrossEntropy(self._labels.n_outputs, smoothing)
        return LogisticCrossEntropy(smoothing)

    def _class_weights(self, y: Matrix, sample_weight: Array | None) -> ClassWeights | None:
        return ClassWeights.of(self.class_weight, y, self._labels, sample_weight)

    def _default_score(self, dev: DevPart) -> SharedScore:
        return SharedScore(partial(self._accuracies, dev=dev))

    def _accuracies(self, logits: Array, dev: DevPart) -> Array:
        return weighted_fractions(self._labels.correct(logits, dev.targets), dev.weights)

    def _strata(self, y: Matrix, n_held_out: int) -> Array | None:
        return self._labels.strata(y, n_held_out)

    # ------------------------------------------------------------------------------ prediction

    def predict(self, X: MatrixLike) -> Matrix:
        """Predict the class of each row; of several labels per row, whether each holds.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The classes of the largest probability. After a fit on multi-label y, which only
            `DeepMLPClassifier` takes, an indicator matrix, sparse if that y was.
        """
        check_is_fitted(self)
        return self._labels.decode(self._logits(X))

    def predict_proba(self, X: MatrixLike) -> Array:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            Probabilities, columns in the order of `classes_`. Rows sum to one, except after a fit
            on multi-label y (`DeepMLPClassifier` only), where each column is a label's own
            probability.
        """
        check_is_fitted(self)
        if self._labels.kind != "binary":
            return self._logits(X, link=self.out_activation_)
        z = self._logits(X)
        if self.classes_.shape[0] == 1:
            # The only class there is, whatever the network says.
            return np.ones_like(z)
        # Each from its own logit: 1 − p would round to zero long before p reaches one.
        return LOGISTIC.inverse(np.hstack([-z, z]))

    def predict_log_proba(self, X: MatrixLike) -> Array:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            The logarithm of `predict_proba`, of the logits: finite where that rounds to zero.
        """
        check_is_fitted(self)
        z = self._logits(X)
        if self._labels.kind == "multiclass":
            return np.asarray(log_softmax(z, axis=1))
        if self._labels.kind == "multilabel":
            p = LOGISTIC.inverse(z.copy())
            # Labels whose probabilities round to one are as likely as each other here, too.
            return np.where(p > 0.5, np.log(np.maximum(p, 0.5)), log_expit(z))
        if self.classes_.shape[0] == 1:
            # The only class there is, whatever the network says.
            return np.zeros_like(z)
        return np.asarray(log_expit(np.hstack([-z, z])))

    def decision_function(self, X: MatrixLike) -> Array:
        """Raw outputs (logits) of the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        z : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The logits. For two classes one number per row, positive where ``classes_[1]`` is
            predicted: the logit of the one logistic unit, or of a softmax's two outputs
            (`SoftmaxClassifier`) the difference z₁ − z₀.
        """
        check_is_fitted(self)
        z = self._logits(X)
        if self._labels.kind == "multilabel":
            return z
        if z.shape[1] == 2:
            return z[:, 1] - z[:, 0]
        return z[:, 0] if z.shape[1] == 1 else z

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def know_labels(classifier: NetworkClassifier, labels: ClassLabels) -> None:
    """Let a classifier predict classes that others have learnt."""
    classifier._labels, classifier.classes_ = labels, labels.classes


def kind_of_labels(classifier: NetworkClassifier) -> str:
    """Of a fitted classifier "binary", "multiclass" or "multilabel"."""
    return classifier._labels.kind
