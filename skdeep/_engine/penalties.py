"""The elastic net on the weights: (λ/m) [ (1 − r)/2 · ‖W‖² + r · ‖W‖₁ ], λ = alpha, r = l1_ratio.

The smooth half has a gradient; the L1 half acts by its proximal step, the soft threshold, which
makes exact zeros. m is the total weight of the training set, so λ means the same at every batch
size. For L2 it is the course's λ (II 1.4); for L1 the course's is twice as large. All arguments are
the penalised slice of θ, with one λ and one r for all models, or arrays of shape (*M, 1).
"""

from dataclasses import dataclass

import numpy as np

from .backend import Array, FloatType, Number


@dataclass(frozen=True, eq=False)
class ElasticNet:
    """`l2` and `l1` are the factors of ‖W‖²/2 and ‖W‖₁, already divided by m."""

    l2: float | Array
    l1: float | Array

    @classmethod
    def of(
        cls, alpha: float | Array, l1_ratio: float | Array, total_weight: Number
    ) -> "ElasticNet":
        return cls(l2=alpha * (1 - l1_ratio) / total_weight, l1=alpha * l1_ratio / total_weight)

    def in_dtype(self, dtype: FloatType) -> "ElasticNet":
        """The same with arrays for numbers, which each step then need not convert."""
        return ElasticNet(np.asarray(self.l2, dtype=dtype), np.asarray(self.l1, dtype=dtype))

    def over(self, theta: Array, n_penalised: int) -> "ElasticNet":
        """The same with an l2 for each entry of θ, zero for those that are not penalised."""
        l2 = np.zeros_like(theta)
        l2[..., :n_penalised] = self.l2
        return ElasticNet(l2, self.l1)

    @property
    def has_l1(self) -> bool:
        return bool(np.any(np.asarray(self.l1) > 0))

    @property
    def has_l2(self) -> bool:
        return bool(np.any(np.asarray(self.l2) > 0))

    def value(self, weights: Array) -> Array:
        """The penalty of each model, shape M."""
        smooth = np.vecdot(weights, weights)[..., np.newaxis] * self.l2 / 2
        if self.has_l1:
            smooth = smooth + np.abs(weights).sum(axis=-1, keepdims=True) * self.l1
        return np.asarray(smooth[..., 0])

    def add_gradient(self, weights: Array, grad: Array, scratch: Array) -> None:
        """Add the smooth half's gradient, l2 · W; scratch is as long as the weights."""
        np.multiply(weights, self.l2, out=scratch)
        np.add(grad, scratch, out=grad)

    def decay(self, weights: Array, step_size: float | Array) -> None:
        """AdamW's decoupled form: W shrinks by 1 − step_size · l2, outside the gradient."""
        np.multiply(weights, 1 - step_size * self.l2, out=weights)

    def soften(self, weights: Array, step: float | Array) -> None:
        """The proximal step of L1: move towards zero by step · l1, and stop there.

        `step` is the solver's step, one number or one per coordinate.
        """
        threshold = step * self.l1
        np.subtract(weights, np.clip(weights, -threshold, threshold), out=weights)
