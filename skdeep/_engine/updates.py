"""One pass over θ per step: the penalty's gradient, the optimizer, and L1's proximal step.

θ is cut into blocks that fit the cache, and everything that a step does to a block is done before
the next one is touched. The blocks are views made once, when a fit starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .backend import Array, Number
from .optimizers import Optimizer, OptimizerState, clip_by_global_norm, make_scratch
from .penalties import ElasticNet


@dataclass(frozen=True)
class ParameterGroup:
    """A slice of what the optimizer moves whose rate and decay are so many times the others'."""

    span: slice
    rate: float = 1.0
    decay: float = 1.0


@dataclass(frozen=True, eq=False)
class Block:
    """A piece of θ with everything that belongs to it.

    `operands` are what the optimizer moves it by, `weights` is its penalised part, the slice `span`
    of θ, and `smooth` what L2's gradient is made of there: all of a population's θ, whose biases
    have an l2 of zero, because a pass over a whole is faster than one over pieces of rows.
    """

    operands: tuple[Array, ...]
    weights: Array
    smooth: tuple[Array, Array, Array]
    span: slice
    is_whole_population: bool = False
    # What its rate and decay are multiplied by.
    rate: float = 1.0
    decay: float = 1.0


class Updates:
    """Moves θ by one step for the gradient that stands in `grad`.

    Parameters
    ----------
    theta, grad : ndarray of shape (*M, P)
        The parameters and the array in which their gradient is found.
    n_penalised : int
        How many of the parameters, the first ones, are weights.
    optimizer, state : Optimizer, OptimizerState
        The rule and what it remembers.
    penalty : ElasticNet
        Its L2 joins the gradient, or with a decoupled optimizer shrinks the weights directly.
    gradient_clip : float or ndarray of shape (*M, 1), or None
        The largest norm of the gradient.
    groups : sequence of ParameterGroup, default=()
        Parts that have rates and decay of their own.

    Attributes
    ----------
    decay_factor : float or ndarray
        What a decoupled optimizer's decay is multiplied by beside the rate; 1 unless it is set.
    """

    decay_factor: Number = 1.0

    def __init__(
        self,
        theta: Array,
        grad: Array,
        n_penalised: int,
        *,
        optimizer: Optimizer,
        state: OptimizerState,
        penalty: ElasticNet,
        gradient_clip: Number | None,
        groups: Sequence[ParameterGroup] = (),
    ) -> None:
        self._grad, self._optimizer, self._state = grad, optimizer, state
        self._penalty, self._clip = penalty.in_dtype(theta.dtype), gradient_clip
        self._move = optimizer.bind(state, theta.dtype)
        self._decays = penalty.has_l2 and optimizer.decoupled_decay
        self._adds_l2 = penalty.has_l2 and not optimizer.decoupled_decay
        self._has_l1, self._has_groups = penalty.has_l1, bool(groups)
        self._blocks = _cut(theta, grad, state, n_penalised, groups)
        self._smooth_penalty = self._penalty
        if self._adds_l2 and self._blocks[0].is_whole_population:
            self._smooth_penalty = self._penalty.over(theta, n_penalised)

    def apply(self, rate: Number) -> None:
        """One step of size `rate`."""
        if self._clip is not None:
            self._clip_whole_gradient()
        state, dtype, move = self._state, self._grad.dtype, self._move
        state.updates += 1
        now = self._optimizer.numbers(state, rate, dtype)
        adds_l2 = self._adds_l2 and self._clip is None
        for block in self._blocks:
            step = rate
            if self._has_groups:
                step = rate * block.rate
                now = self._optimizer.numbers(state, step, dtype)
            if adds_l2:
                self._smooth_penalty.add_gradient(*block.smooth)
            elif self._decays:
                self._decay(block, step)
            move(now, *block.operands)
            if self._has_l1:
                reach = self._optimizer.coordinate_step(state, step, block.span)
                self._penalty.soften(block.weights, reach)

    def _decay(self, block: Block, step: Number) -> None:
        """A decoupled optimizer's decay of a block's weights."""
        if self._has_groups or np.any(self.decay_factor != 1):
            step = step * self.decay_factor * block.decay
        self._penalty.decay(block.weights, step)

    def _clip_whole_gradient(self) -> None:
        # The norm is of the gradient of J, so L2 has to be in it before any block moves.
        if self._adds_l2:
            for block in self._blocks:
                self._smooth_penalty.add_gradient(*block.smooth)
        assert self._clip is not None
        clip_by_global_norm(self._grad, self._clip)


def _cut(
    theta: Array,
    grad: Array,
    state: OptimizerState,
    n_penalised: int,
    groups: Sequence[ParameterGroup],
) -> list[Block]:
    scratch = make_scratch(theta)
    width, size = scratch.shape[-1], theta.shape[-1]
    if theta.ndim > 1 and width == size and not groups:
        span = slice(0, n_penalised)
        whole = (theta, grad, *state.vectors, scratch)
        return [Block(whole, theta[..., span], (theta, grad, scratch), span, True)]
    blocks = []
    for part in _parts(groups, size):
        for start in range(part.span.start, part.span.stop, width):
            stop = min(start + width, part.span.stop)
            end = max(start, min(stop, n_penalised))
            operands = [vector[..., start:stop] for vector in (theta, grad, *state.vectors)]
            operands.append(scratch[..., : stop - start])
            span = slice(start, end)
            smooth = theta[..., span], grad[..., span], scratch[..., : end - start]
            weights = theta[..., span]
            blocks.append(
                Block(tuple(operands), weights, smooth, span, rate=part.rate, decay=part.decay)
            )
    return blocks


def _parts(groups: Sequence[ParameterGroup], size: int) -> list[ParameterGroup]:
    """All of θ in pieces of one rate and one decay each; of groups that overlap the last counts."""
    factors = np.ones((2, size))
    for group in groups:
        factors[:, group.span] = [[group.rate], [group.decay]]
    changes = np.flatnonzero(np.diff(factors).any(axis=0)) + 1
    bounds = [0, *changes.tolist(), size]
    return [
        ParameterGroup(slice(start, stop), *factors[:, start].tolist())
        for start, stop in pairwise(bounds)
    ]
