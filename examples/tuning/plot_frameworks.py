"""
One network, other frameworks
=============================

The course judges frameworks by how easily one programs with them, how fast they run, and whether
they are open (II 3.5). A network that skdeep has trained is not tied to skdeep: here it leaves as a
file that needs NumPy alone, and for PyTorch where that is installed. Its predictions stay what they
are.
"""

# %%
# A network with batch norm, dropout and two hidden layers, trained on the digits.

import importlib.util
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdeep import DeepMLPClassifier
from skdeep.export import to_numpy, to_torch

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.3, random_state=0
)
model = DeepMLPClassifier(
    (64, 32), batch_norm=True, dropout=0.1, early_stopping=True, random_state=0
).fit(X_train, y_train)
print(f"test accuracy {model.score(X_test, y_test):.3f}")

# %%
# By hand: ``layers_`` has all the numbers. A prediction is a product, the batch norm's scale and
# shift, a ReLU, and at the end a softmax (II 3.4).


def by_hand(X):
    *hidden, output = model.layers_
    a = X
    for layer in hidden:
        a = np.maximum(a @ layer.W * layer.scale + layer.shift, 0)
    t = np.exp(a @ output.W + output.b)
    return t / t.sum(axis=1, keepdims=True)


predictors = {"skdeep": model.predict_proba, "formulas by hand": by_hand}

# %%
# ``to_numpy`` writes the same as a module of plain Python, with the numbers beside it. It is
# imported like any other, and never imports skdeep or scikit-learn.

folder = tempfile.TemporaryDirectory()
path = to_numpy(model, Path(folder.name) / "digits_network.py")
size = sum(file.stat().st_size for file in path.parent.iterdir()) / 1000
print(f"the module and its numbers: {size:.0f} kB")
specification = importlib.util.spec_from_file_location(path.stem, path)
module = importlib.util.module_from_spec(specification)
specification.loader.exec_module(module)
predictors["NumPy module"] = module.predict_proba

# %%
# ``to_torch`` makes a Sequential, to be trained on, or to be part of a larger one. Without PyTorch,
# the figure has a bar less.

if importlib.util.find_spec("torch") is not None:
    import torch

    sequential = to_torch(model)

    def by_torch(X):
        with torch.no_grad():
            return sequential(torch.from_numpy(X)).numpy()

    predictors["PyTorch"] = by_torch

# %%
# All of them say the same of each row of the test set, to the last digits that float64 has. How
# long one row takes, which is what a server waits for, is a matter of what surrounds the three
# products.

expected = model.predict_proba(X_test)
apart, microseconds = {}, {}
for name, predict_proba in predictors.items():
    apart[name] = np.abs(predict_proba(X_test) - expected).max()
    np.testing.assert_allclose(predict_proba(X_test), expected, atol=1e-12)
    times = []
    for row in range(300):
        start = time.perf_counter()
        predict_proba(X_test[row : row + 1])
        times.append(time.perf_counter() - start)
    microseconds[name] = 1e6 * np.median(times)
    print(
        f"{name:>16}: off by {apart[name]:.0e} at most, {microseconds[name]:.0f} µs for a row"
    )

# %%
# On the left, the largest difference between two probabilities: a few units in the last place,
# far left of float32's precision. On the right, the time of a single row. skdeep checks what it is
# given, as every estimator of scikit-learn does, and that is most of its time here; of ten
# thousand rows in one call it is nothing.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
names = [name for name in predictors if name != "skdeep"]
eps = np.finfo(float).eps
left.barh(names, [max(apart[name], eps) for name in names], color="C0")
left.axvline(
    np.finfo(np.float32).eps, color="C1", linestyle="--", label="precision of float32"
)
left.set(xscale="log", xlim=(eps / 10, 1e-5), xlabel="largest difference (log scale)")
left.set_title("Probabilities, against skdeep's")
left.legend(loc="lower center", fontsize="small")
right.barh(list(microseconds), list(microseconds.values()), color="C0")
right.set(xlabel="µs", title="Prediction of one row")
for ax in (left, right):
    ax.invert_yaxis()
folder.cleanup()
figure.savefig("frameworks.png", dpi=120)
