"""The competitors: the same network trained by skdeep, scikit-learn, PyTorch and skorch.

A `Task` says which network is trained on what and for how long, and every library is handed the
same one: ReLU, softmax, Adam at the rate 0.001, the same batches and epochs, nothing that stops
early. A competitor is a function from a task to an object with `fit` and `predict_proba`; PyTorch
gets the loop one would write by hand. The bare matrix products of a step are the floor under all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from _harness import n_cores, optional

LEARNING_RATE = 0.001
DROPOUT = 0.2


@dataclass(frozen=True)
class Task:
    """A network, its data and its training; regularised means batch norm and dropout."""

    name: str
    n_samples: int
    n_features: int
    hidden: tuple[int, ...]
    n_classes: int
    batch_size: int
    n_epochs: int
    dtype: str = "float32"
    regularised: bool = False

    @property
    def sizes(self) -> list[int]:
        return [self.n_features, *self.hidden, self.n_classes]

    @property
    def batches(self) -> list[int]:
        """The number of rows of each step of an epoch."""
        whole, rest = divmod(self.n_samples, self.batch_size)
        return [self.batch_size] * whole + [rest] * (rest > 0)

    @property
    def n_steps(self) -> int:
        return self.n_epochs * len(self.batches)

    def data(self, n_samples: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Standard normal features; classes of a noisy linear teacher, so the loss stays alive."""
        rng = np.random.default_rng(0)
        n = self.n_samples if n_samples is None else n_samples
        X = rng.standard_normal((n, self.n_features), dtype=self.dtype)
        scores = X @ rng.standard_normal((self.n_features, self.n_classes), dtype=self.dtype)
        scores += self.n_features**0.5 * rng.standard_normal(scores.shape, dtype=self.dtype)
        return X, scores.argmax(axis=1)


# Epochs such that the fastest needs about a tenth of a second, or a few.
NETWORKS = (
    Task("tiny", 1500, 20, (32, 32), 3, 64, 60),
    Task("small", 6000, 50, (64, 64), 10, 128, 20),
    Task("mid", 20_000, 100, (256, 256, 128), 10, 256, 2),
    Task("large", 20_000, 784, (1024, 1024, 512), 10, 512, 1),
)
SMOKE_NETWORKS = (
    Task("tiny", 200, 20, (32, 32), 3, 64, 2),
    Task("small", 300, 50, (64, 64), 10, 128, 2),
)


def skdeep_classifier(task: Task) -> Any:
    from skdeep import DeepMLPClassifier

    regularisation = {"batch_norm": True, "dropout": DROPOUT} if task.regularised else {}
    return DeepMLPClassifier(
        task.hidden,
        batch_size=task.batch_size,
        learning_rate_init=LEARNING_RATE,
        max_iter=task.n_epochs,
        n_iter_no_change=np.inf,
        random_state=0,
        **regularisation,
    )


def sklearn_classifier(task: Task) -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        task.hidden,
        batch_size=task.batch_size,
        learning_rate_init=LEARNING_RATE,
        max_iter=task.n_epochs,
        n_iter_no_change=np.inf,
        random_state=0,
    )


def torch_module(task: Task) -> Any:
    """The network in PyTorch: batch norm before the activation, dropout after it."""
    import torch
    from torch import nn

    layers: list[Any] = []
    for n_in, n_out in pairwise(task.sizes[:-1]):
        if task.regularised:
            layers += [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out)]
            layers += [nn.ReLU(), nn.Dropout(DROPOUT)]
        else:
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    layers.append(nn.Linear(*task.sizes[-2:]))
    return nn.Sequential(*layers).to(getattr(torch, task.dtype))


class TorchClassifier:
    """The plain loop of PyTorch's tutorials; `adam` is "fused" or "foreach".

    It has no weight decay, which the others' default `alpha` amounts to: so much less work.
    """

    def __init__(self, task: Task, adam: str = "fused") -> None:
        self.task, self.adam = task, adam

    def fit(self, X: np.ndarray, y: np.ndarray) -> "TorchClassifier":
        import torch

        torch.set_num_threads(n_cores())
        torch.manual_seed(0)
        self.module = torch_module(self.task).train()
        optimizer = torch.optim.Adam(
            self.module.parameters(), lr=LEARNING_RATE, **{self.adam: True}
        )
        X, y = torch.from_numpy(X), torch.from_numpy(y)
        self.loss_curve = [self._epoch(X, y, optimizer) for _ in range(self.task.n_epochs)]
        return self

    def _epoch(self, X: Any, y: Any, optimizer: Any) -> float:
        import torch
        from torch.nn.functional import cross_entropy

        total = 0.0
        for rows in torch.randperm(len(X)).split(self.task.batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss = cross_entropy(self.module(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        return total / len(X)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        import torch

        self.module.eval()
        with torch.inference_mode():
            return self.module(torch.from_numpy(X)).softmax(dim=1).numpy()


def skorch_classifier(task: Task) -> Any:
    import torch
    from skorch import NeuralNetClassifier

    torch.set_num_threads(n_cores())
    torch.manual_seed(0)
    return NeuralNetClassifier(
        torch_module(task),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=LEARNING_RATE,
        batch_size=task.batch_size,
        max_epochs=task.n_epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


SKDEEP, SKLEARN, SKORCH = "skdeep", "scikit-learn", "skorch"
TORCH = {"PyTorch, fused": "fused", "PyTorch, foreach": "foreach"}


def competitors(task: Task) -> dict[str, Callable[[Task], Any]]:
    """Those that are installed and can train the task's network."""
    found: dict[str, Callable[[Task], Any]] = {SKDEEP: skdeep_classifier}
    if not task.regularised:
        found[SKLEARN] = sklearn_classifier
    if optional("torch") is not None:
        found |= {name: partial(TorchClassifier, adam=adam) for name, adam in TORCH.items()}
        if not task.regularised and optional("skorch") is not None:
            found[SKORCH] = skorch_classifier
    return found


class MatrixProducts:
    """The products that a training step cannot do without, and nothing else.

    Forward Z = A W; backward dW = Aᵀ dZ and, but for the first layer, dA = dZ Wᵀ. Each goes into an
    array that is there before.
    """

    def __init__(self, task: Task) -> None:
        rng = np.random.default_rng(0)
        self.n_epochs, self.batches = task.n_epochs, task.batches
        self.weights = [
            rng.standard_normal((n_in, n_out), dtype=task.dtype) / np.sqrt(n_in, dtype=task.dtype)
            for n_in, n_out in pairwise(task.sizes)
        ]
        self.gradients = [np.empty_like(W) for W in self.weights]
        self.products = {rows: self._products(task, rows, rng) for rows in set(self.batches)}

    def _products(self, task: Task, rows: int, rng: Any) -> list[tuple[Any, Any, Any]]:
        """(left, right, out) of every product of a step on so many rows."""
        A = [rng.standard_normal((rows, size), dtype=task.dtype) for size in task.sizes]
        dA = [rng.standard_normal((rows, size), dtype=task.dtype) for size in task.sizes]
        forward = [(A[i], W, A[i + 1]) for i, W in enumerate(self.weights)]
        backward: list[tuple[Any, Any, Any]] = []
        for i, W in reversed(list(enumerate(self.weights))):
            backward.append((A[i].T, dA[i + 1], self.gradients[i]))
            if i > 0:
                backward.append((dA[i + 1], W.T, dA[i]))
        return forward + backward

    def run(self) -> None:
        for _ in range(self.n_epochs):
            for rows in self.batches:
                for left, right, out in self.products[rows]:
                    np.matmul(left, right, out=out)
