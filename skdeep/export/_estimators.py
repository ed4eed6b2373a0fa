"""A fitted estimator of the steps of somebody else's network.

    steps ─ _hidden_and_output ─> for each hidden layer its dense step, norm, function and dropout
          ─ _target ────────────> what the raw outputs mean: a classifier of these classes, …
          ─ estimator_of_steps ─> an estimator whose `layers_` are set

What an estimator cannot be is refused here, for all frameworks in the same words: the error names
the layer as its framework has it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from .._engine.activations import ACTIVATIONS
from .._engine.backend import Array
from .._engine.links import EXP, IDENTITY, LINKS, LOGISTIC, SOFTMAX
from .._engine.losses import REGRESSION_LOSSES
from .._fit.watch import Curves
from ..estimators._base import fit_with
from ..estimators._classifier import know_labels
from ..estimators._layers import DenseLayer
from ..estimators._mlp import DeepMLPClassifier, DeepMLPRegressor, know_targets
from ..estimators._recipe import check_parameters
from ..estimators._targets import ClassLabels
from ._steps import DenseStep, DropoutStep, FunctionStep, NormStep, Step

ORDER = "dense, norm, activation, dropout, each of the last three at most once"
OF_THE_NETWORK = (
    "hidden_layer_sizes",
    "activation",
    "dropout",
    "input_dropout",
    "batch_norm",
    "batch_norm_momentum",
    "batch_norm_epsilon",
    "layer_norm",
    "layer_norm_epsilon",
)


@dataclass
class _Block:
    """A dense layer and what follows it, up to the next one."""

    dense: DenseStep
    norm: NormStep | None = None
    function: FunctionStep | None = None
    dropout: DropoutStep | None = None


@dataclass
class _Blocks:
    """A whole network."""

    input_dropout: float = 0.0
    blocks: list[_Block] = field(default_factory=list)


def estimator_of_steps(
    steps: Sequence[Step], classes: ArrayLike | None, parameters: Mapping[str, Any]
) -> DeepMLPClassifier | DeepMLPRegressor:
    """A fitted estimator that predicts what a network of these steps does.

    Raises
    ------
    ValueError
        If the steps, or what is to be done with their outputs, are none that skdeep knows.
    """
    network = _in_blocks(steps)
    *hidden, output = network.blocks
    _check_output(output)
    link = IDENTITY.name if output.function is None else output.function.name
    target = _Target.of(link, output.dense.W.shape[1], classes)
    if target.of_two_logits:
        # Two logits of a softmax are one of a logistic unit: their difference.
        output = replace(output, dense=_difference(output.dense))
    _check_not_of_the_network(parameters)
    estimator = target.estimator()
    estimator.set_params(**_architecture(network.input_dropout, hidden), **parameters)
    check_parameters(estimator)
    _check_loss(estimator, link)
    target.teach(estimator)
    return _with_layers(estimator, [*hidden, output])


def _with_layers(estimator: Any, blocks: Sequence[_Block]) -> Any:
    dtype = _dtype(blocks)
    n_parameters = sum(_n_parameters(block) for block in blocks)
    n_in, n_out = blocks[0].dense.W.shape[0], blocks[-1].dense.W.shape[1]
    theta = np.zeros(n_parameters, dtype=dtype)
    fitted = fit_with(estimator, theta, n_in, n_out, Curves())
    fitted.layers_ = [
        _layer(block, like) for block, like in zip(blocks, fitted.layers_, strict=True)
    ]
    return fitted


# ----------------------------------------------------------------------------------- the chain


def _in_blocks(steps: Sequence[Step]) -> _Blocks:
    found = _Blocks()
    for step in steps:
        if isinstance(step, DenseStep):
            _check_width(found, step)
            found.blocks.append(_Block(step))
        elif not found.blocks:
            _take_before_first(found, step)
        else:
            _take(found.blocks[-1], step)
    if not found.blocks:
        raise ValueError("The network must have a dense layer, the raw outputs; it has none.")
    return found


def _check_width(found: _Blocks, step: DenseStep) -> None:
    if found.blocks and found.blocks[-1].dense.W.shape[1] != step.W.shape[0]:
        before = found.blocks[-1].dense
        raise ValueError(
            f"{step.told} takes {step.W.shape[0]} inputs, but {before.told} before it gives "
            f"{before.W.shape[1]}."
        )


def _take_before_first(found: _Blocks, step: Step) -> None:
    if not isinstance(step, DropoutStep) or found.input_dropout:
        raise ValueError(
            f"{step.told} cannot stand before the first dense layer: one dropout alone can."
        )
    found.input_dropout = step.rate


def _take(block: _Block, step: Step) -> None:
    if isinstance(step, NormStep):
        if block.norm or block.function or block.dropout:
            _refuse_place(step, block)
        block.norm = step
    elif isinstance(step, FunctionStep):
        if block.function or block.dropout:
            _refuse_place(step, block)
        block.function = step
    elif isinstance(step, DropoutStep):
        if block.dropout:
            _refuse_place(step, block)
        block.dropout = step


def _refuse_place(step: Step, block: _Block) -> NoReturn:
    present = [block.dense, block.norm, block.function, block.dropout]
    before = [one.told for one in present if one is not None][-1]
    raise ValueError(f"{step.told} cannot follow {before}: skdeep's order is {ORDER}.")


def _check_output(output: _Block) -> None:
    for step in (output.norm, output.dropout):
        if step is not None:
            raise ValueError(f"{step.told} cannot follow the last dense layer, the raw outputs.")
    function = output.function
    if function is not None and function.name not in LINKS:
        raise ValueError(
            f"{function.told} is no link: after the last dense layer skdeep knows {sorted(LINKS)}."
        )


# ------------------------------------------------------------------------- what hidden layers are


def _architecture(input_dropout: float, hidden: Sequence[_Block]) -> dict[str, Any]:
    """The parameters of an estimator that has these hidden layers."""
    rates = [0.0 if block.dropout is None else block.dropout.rate for block in hidden]
    parameters: dict[str, Any] = {
        "hidden_layer_sizes": tuple(block.dense.W.shape[1] for block in hidden),
        "activation": [_activation(block) for block in hidden],
        "dropout": rates if any(rates) else 0.0,
        "input_dropout": input_dropout,
    }
    if len(set(parameters["activation"])) < 2:
        parameters["activation"] = (parameters["activation"] or ["relu"])[0]
    norms = [block.norm for block in hidden if block.norm is not None]
    if not norms:
        return parameters
    first = norms[0]
    for block in hidden:
        _check_same_norm(first, block)
    parameters[f"{first.kind}_norm"] = True
    parameters[f"{first.kind}_norm_epsilon"] = first.epsilon
    if first.momentum is not None:
        parameters["batch_norm_momentum"] = first.momentum
    return parameters


def _activation(block: _Block) -> str:
    if block.function is None:
        return "identity"
    if block.function.name not in ACTIVATIONS:
        raise ValueError(
            f"{block.function.told} is no activation function of a hidden layer: skdeep knows "
            f"{sorted(ACTIVATIONS)}."
        )
    return block.function.name


def _check_same_norm(first: NormStep, block: _Block) -> None:
    if block.norm is None:
        raise ValueError(
            f"{block.dense.told} has no norm after it, while there is {first.told}: in skdeep all "
            "hidden layers have one, or none has."
        )
    for name in ("kind", "epsilon", "momentum"):
        one, other = getattr(first, name), getattr(block.norm, name)
        if one != other:
            raise ValueError(
                f"{block.norm.told} and {first.told} differ in {name}, {other!r} and {one!r}: in "
                "skdeep all norms have the same."
            )


def _layer(block: _Block, like: DenseLayer) -> DenseLayer:
    """The numbers of a layer, as skdeep has them."""
    W, b, norm = block.dense.W, block.dense.b, block.norm
    if norm is None:
        return replace(like, W=W, b=np.zeros(W.shape[1], W.dtype) if b is None else b)
    mean = norm.mean
    if b is not None and mean is not None:
        # γ (x W + b − mean) …: a bias before batch norm is part of the mean.
        mean = mean - b
    elif b is not None and np.ptp(b) > 0:
        raise ValueError(
            f"{block.dense.told} has a bias, and {norm.told} comes after it: skdeep's dense layers "
            "have none before a layer norm, which adds its own afterwards. Train it without."
        )
    return replace(like, W=W, gamma=norm.gamma, beta=norm.beta, mean=mean, variance=norm.variance)


def _n_parameters(block: _Block) -> int:
    n_in, n_out = block.dense.W.shape
    return n_in * n_out + (n_out if block.norm is None else 2 * n_out)


def _dtype(blocks: Sequence[_Block]) -> np.dtype[Any]:
    found = {block.dense.W.dtype for block in blocks}
    if len(found) > 1 or not found <= {np.dtype("float32"), np.dtype("float64")}:
        names = sorted(dtype.name for dtype in found)
        raise ValueError(f"All layers must be float32, or all float64, got {names}.")
    return found.pop()


# ---------------------------------------------------------------------- what raw outputs mean


@dataclass(frozen=True, eq=False)
class _Target:
    """Labels for a classifier, or how many targets a regressor has and with which loss."""

    labels: ClassLabels | None
    n_targets: int
    loss: str = "squared_error"
    of_two_logits: bool = False

    @classmethod
    def of(cls, link: str, n_outputs: int, classes: ArrayLike | None) -> "_Target":
        """By the link at the end, and the classes that a user gives."""
        if link == LOGISTIC.name and n_outputs > 1:
            if classes is not None and not np.array_equal(classes, np.arange(n_outputs)):
                raise ValueError(
                    f"A sigmoid of {n_outputs} outputs gives a probability for each label of a "
                    f"multi-label y: classes must be None, got {classes!r}."
                )
            return cls(ClassLabels(np.arange(n_outputs), "multilabel"), n_outputs)
        if classes is None:
            if link in (LOGISTIC.name, SOFTMAX.name):
                raise ValueError(
                    f"The network ends with {link}, so it is a classifier: pass classes=, the "
                    "labels in the order of its outputs."
                )
            return cls(None, n_outputs, "poisson" if link == EXP.name else "squared_error")
        return cls._of_classes(link, n_outputs, np.asarray(classes))

    @classmethod
    def _of_classes(cls, link: str, n_outputs: int, classes: Array) -> "_Target":
        if link == EXP.name:
            raise ValueError(
                "The network ends with an exponential, so it is a regressor: classes must be None, "
                f"got {classes!r}."
            )
        if classes.ndim != 1 or not _are_sorted(classes):
            raise ValueError(
                "classes must be distinct labels in sorted order, in which scikit-learn has "
                f"classes_: permute the network's outputs first. Got {classes!r}."
            )
        wanted = 2 if n_outputs == 1 else n_outputs
        if len(classes) != wanted or (n_outputs == 1 and link == SOFTMAX.name):
            raise ValueError(
                f"classes must be {wanted} labels for {n_outputs} output(s) with {link}, got "
                f"{len(classes)}."
            )
        labels = ClassLabels.of_classes(classes)
        return cls(labels, n_outputs, of_two_logits=n_outputs == 2)

    def estimator(self) -> DeepMLPClassifier | DeepMLPRegressor:
        """An estimator of the kind, unfitted."""
        if self.labels is not None:
            return DeepMLPClassifier()
        return DeepMLPRegressor(loss=self.loss)

    def teach(self, estimator: DeepMLPClassifier | DeepMLPRegressor) -> None:
        """Let the estimator know its targets."""
        if isinstance(estimator, DeepMLPClassifier):
            assert self.labels is not None
            know_labels(estimator, self.labels)
        else:
            know_targets(estimator, np.zeros((1, self.n_targets)))


def _difference(dense: DenseStep) -> DenseStep:
    b = None if dense.b is None else dense.b[1:] - dense.b[:1]
    return replace(dense, W=dense.W[:, 1:] - dense.W[:, :1], b=b)


def _check_loss(estimator: DeepMLPClassifier | DeepMLPRegressor, link: str) -> None:
    """Raise where a regressor's loss has another link than the network ends with."""
    if isinstance(estimator, DeepMLPRegressor):
        expected = REGRESSION_LOSSES[estimator.loss].link.name
        if expected != link:
            raise ValueError(
                f"loss={estimator.loss!r} goes with the link {expected!r}, and the network ends "
                f"with {link!r}."
            )


def _check_not_of_the_network(parameters: Mapping[str, Any]) -> None:
    for name in OF_THE_NETWORK:
        if name in parameters:
            raise ValueError(
                f"{name} is what the network has, and cannot be given; got {parameters[name]!r}."
            )


def _are_sorted(labels: Array) -> bool:
    """Whether they ascend, which labels that cannot be compared do not."""
    try:
        return bool(np.array_equal(labels, np.unique(labels)))
    except TypeError:
        return False
