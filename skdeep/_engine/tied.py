"""Tied parameters: the optimizer moves φ, the networks compute with θ, and a map leads from one to
the other.

Where models of a population share weights, or a weight is a product of what is learnt, φ is one
vector for all of them and θ, of shape (K, P), is made from it before each step. The gradient comes
back by the chain rule, ∂J/∂φ = (∂θ/∂φ)ᵀ ∂J/∂θ. Forward and backward passes know nothing of it.
"""

from typing import Protocol

from .backend import Array


class TiedParameters(Protocol):
    """The map φ → θ, and its transposed derivative at the present φ."""

    @property
    def size(self) -> int:
        """The length of φ."""

    @property
    def n_penalised(self) -> int:
        """How many of φ's entries, the first ones, a penalty acts on."""

    def expand(self, phi: Array, theta: Array) -> None:
        """Write the θ of all models that φ stands for."""

    def pull_back(self, phi: Array, grad_theta: Array, grad_phi: Array) -> None:
        """Write ∂J/∂φ, summed over all models, from ∂J/∂θ."""
