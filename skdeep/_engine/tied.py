"""Tied parameters: the optimizer moves φ, the networks compute with θ, and a map leads from one to
the other.

Where models of a population share weights, or a weight is a product of what is learnt, φ is one
vector for all of them and θ, of shape (K, P), is made from it before each step. The gradient comes
back by the chain rule, ∂J/∂φ = (∂θ/∂φ)ᵀ ∂J/∂θ. Forward and backward passes know nothing of it.
Several φ, the rows of one array, stand for K models each, and θ has the rows of all.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np

from .backend import Array, FloatType
from .layers import Dense
from .layout import Layout, Slot
from .network import Network

# Writes its result where it has been bound to.
Step = Callable[[], None]


class TiedParameters(Protocol):
    """The map φ → θ, and its transposed derivative at the present φ."""

    @property
    def n_members(self) -> int:
        """How many models, K, a φ stands for."""

    @property
    def size(self) -> int:
        """The length of φ."""

    @property
    def n_penalised(self) -> int:
        """How many of φ's entries, the first ones, a penalty acts on."""

    def bind(
        self, phi: Array, theta: Array, grad_theta: Array, grad_phi: Array
    ) -> tuple[Step, Step]:
        """The functions expand and pull_back.

        The first writes the θ of all models that φ stands for, the second ∂J/∂φ, summed over all
        models, from ∂J/∂θ, which it may spoil.
        """


class SharedWeights:
    """Members that share the weights of their hidden layers, W_k = (a_k ⊗ s_k) ⊙ W / √n_in.

    Biases are each member's own, and so is its head, the output layer. W has entries of variance 1
    whatever the width, so that one learning rate suits all widths (Jacot, Gabriel and Hongler,
    2018); the adapters a_k and s_k scale a layer's inputs and outputs (Wen, Tran and Ba, 2020;
    Gorishniy, Kotelnikov and Babenko, 2024). A penalty acts on W, the heads and the first a, by
    which a member scales the inputs. One member alone has no other adapter than that: W says all
    that the others would.

    Parameters
    ----------
    network : Network
        A chain of dense layers with biases, and of what has no parameters.
    n_members : int
        How many members there are, K.

    Attributes
    ----------
    layout : Layout
        The places of W, a, s and b of the layers in φ, as far as they have them.
    """

    def __init__(self, network: Network, n_members: int) -> None:
        self._network, self.n_members = network, n_members
        *self._hidden, self._output = network.dense_layers
        self.layout = Layout(self._slots())
        own = {(layer.name, name) for layer in network.dense_layers for name in ("W", "b")}
        if own != set(network.layout.spans):
            raise ValueError("Shared weights are those of dense layers with biases, and no others.")

    @property
    def size(self) -> int:
        return self.layout.size

    @property
    def n_penalised(self) -> int:
        return self.layout.n_penalised

    def _slots(self) -> list[Slot]:
        """Kind by kind, so that what has a rate of its own is one piece: W, head, a, s, b."""
        K, output = self.n_members, self._output
        adapted = self._hidden if K > 1 else []
        head = Slot(output.name, "W", (K * output.n_in, output.n_out), penalised=True)
        return [
            *(Slot(one.name, "W", (one.n_in, one.n_out), penalised=True) for one in self._hidden),
            head,
            *(
                Slot(one.name, "a", (K, one.n_in), penalised=number == 0)
                for number, one in enumerate(adapted or self._hidden[:1])
            ),
            *(Slot(one.name, "s", (K, one.n_out)) for one in adapted),
            *(Slot(one.name, "b", (K, one.n_out)) for one in [*self._hidden, output]),
        ]

    def draw(self, generator: np.random.Generator, output_bias: Array, dtype: FloatType) -> Array:
        """A fresh φ: every member predicts the constant `output_bias`.

        Members differ by the signs with which they see their inputs, and by their biases.
        """
        phi = np.zeros(self.size)
        views = self.layout.views(phi)
        for (layer, name), view in views.items():
            if name in ("a", "s"):
                view[...] = 1
            elif layer != self._output.name:
                view[...] = generator.standard_normal(view.shape)
        if self.n_members > 1 and self._hidden:
            signs = views[self._hidden[0].name, "a"]
            signs[...] = 2 * generator.integers(0, 2, signs.shape) - 1
        views[self._output.name, "b"][...] = output_bias
        return phi.astype(dtype)

    def theta_of(self, phi: Array) -> Array:
        """The θ of all members of one φ, (K, P)."""
        theta = np.empty((self.n_members, self._network.layout.size), dtype=phi.dtype)
        expand, _ = self.bind(phi, theta, np.empty_like(theta), np.empty_like(phi))
        expand()
        return theta

    def bind(
        self, phi: Array, theta: Array, grad_theta: Array, grad_phi: Array
    ) -> tuple[Step, Step]:
        """The functions expand and pull_back; of one member alone θ may have one axis."""
        of_members = (*phi.shape[:-1], self.n_members, self._network.layout.size)
        ours = [self.layout.views(vector) for vector in (phi, grad_phi)]
        theirs = [
            self._network.layout.views(vector.reshape(of_members)) for vector in (theta, grad_theta)
        ]
        expansions, returns = [], []
        for layer in self._network.dense_layers:
            named = [_of_layer(views, layer) for views in (*ours, *theirs)]
            bind = _bind_head
            if layer is not self._output:
                bind = _BINDINGS["".join(name for name in "as" if name in named[0])]
            expand, pull_back = bind(layer, *named)
            expansions.append(expand)
            returns.append(pull_back)
        return partial(_each, expansions), partial(_each, returns)


Named = dict[str, Array]


def _of_layer(views: dict[tuple[str, str], Array], layer: Dense) -> Named:
    return {name: view for (owner, name), view in views.items() if owner == layer.name}


def _each(steps: list[Step]) -> None:
    for step in steps:
        step()


def _gain(layer: Dense, W: Array) -> Array:
    return np.asarray(1 / math.sqrt(layer.n_in), dtype=W.dtype)


def _bind_plain(
    layer: Dense, phi: Named, grad_phi: Named, theta: Named, grad: Named
) -> tuple[Step, Step]:
    """W / √n_in, of one member."""
    W, dW, gain = phi["W"], grad_phi["W"], _gain(layer, phi["W"])
    W_k, dW_k = theta["W"][..., 0, :, :], grad["W"][..., 0, :, :]

    def expand() -> None:
        np.multiply(W, gain, out=W_k)
        theta["b"][..., 0, :] = phi["b"]

    def pull_back() -> None:
        np.multiply(dW_k, gain, out=dW)
        grad_phi["b"][...] = grad["b"][..., 0, :]

    return expand, pull_back


def _bind_scaled_inputs(
    layer: Dense, phi: Named, grad_phi: Named, theta: Named, grad: Named
) -> tuple[Step, Step]:
    """a · W / √n_in row by row, of one member."""
    W, dW, gain = phi["W"], grad_phi["W"], _gain(layer, phi["W"])
    W_k, dW_k = theta["W"][..., 0, :, :], grad["W"][..., 0, :, :]
    a, da = phi["a"][..., 0, :, np.newaxis], grad_phi["a"][..., 0, :]
    scaled_a = np.empty_like(a)

    def expand() -> None:
        np.multiply(a, gain, out=scaled_a)
        np.multiply(W, scaled_a, out=W_k)
        theta["b"][..., 0, :] = phi["b"]

    def pull_back() -> None:
        np.vecdot(dW_k, W, out=da)
        np.multiply(da, gain, out=da)
        np.multiply(a, gain, out=scaled_a)
        np.multiply(dW_k, scaled_a, out=dW)
        grad_phi["b"][...] = grad["b"][..., 0, :]

    return expand, pull_back


def _bind_adapted(
    layer: Dense, phi: Named, grad_phi: Named, theta: Named, grad: Named
) -> tuple[Step, Step]:
    """W_k = a_k · W · s_k / √n_in, row by row and column by column; b_k as it is."""
    # With an axis for the members, which W has in common.
    W, W_k, dW_k = phi["W"][..., np.newaxis, :, :], theta["W"], grad["W"]
    # Columns of the a_k and rows of the s_k, to multiply matrices by.
    a, s = phi["a"][..., np.newaxis], phi["s"][..., np.newaxis, :]
    da, ds = grad_phi["a"][..., np.newaxis], grad_phi["s"][..., np.newaxis, :]
    gain = _gain(layer, W)
    scaled_a, products = np.empty_like(a), np.empty_like(dW_k)

    def expand() -> None:
        np.multiply(a, gain, out=scaled_a)
        np.multiply(W, scaled_a, out=W_k)
        np.multiply(W_k, s, out=W_k)
        theta["b"][..., 0, :] = phi["b"]

    def pull_back() -> None:
        # With U_k = ∂J/∂W_k ⊙ W: ∂J/∂a_k = U_k s_k / √n_in, and ∂J/∂s_k = U_kᵀ a_k / √n_in.
        np.multiply(dW_k, W, out=products)
        np.matmul(products, s.mT, out=da)
        np.multiply(da, gain, out=da)
        np.multiply(a, gain, out=scaled_a)
        np.matmul(scaled_a.mT, products, out=ds)
        # ∂J/∂W = Σ_k (a_k ⊗ s_k) ⊙ ∂J/∂W_k / √n_in
        np.multiply(dW_k, scaled_a, out=products)
        np.multiply(products, s, out=products)
        np.add.reduce(products, axis=-3, out=grad_phi["W"])
        grad_phi["b"][...] = grad["b"][..., 0, :]

    return expand, pull_back


def _bind_head(
    layer: Dense, phi: Named, grad_phi: Named, theta: Named, grad: Named
) -> tuple[Step, Step]:
    """W_k / √n_in and b_k, nothing shared."""
    W, dW = (part["W"].reshape(theta["W"].shape) for part in (phi, grad_phi))
    gain = _gain(layer, W)

    def expand() -> None:
        np.multiply(W, gain, out=theta["W"])
        theta["b"][..., 0, :] = phi["b"]

    def pull_back() -> None:
        np.multiply(grad["W"], gain, out=dW)
        grad_phi["b"][...] = grad["b"][..., 0, :]

    return expand, pull_back


# By which adapters a hidden layer has.
_BINDINGS = {"as": _bind_adapted, "a": _bind_scaled_inputs, "": _bind_plain}
