"""
Babysit one model
=================

With one machine and one large model, the course watches it learn and keeps a hand on its learning
rate, the panda's way; with many machines it trains many models at once, the caviar way (course II
3.1). Here is the first: epoch by epoch with ``partial_fit`` and ``set_params``, and then a fit that
callbacks steer, log and save while it runs. Look at the cost where the rate is cut.
"""

# %%
# The digits, with a dev set to watch.

import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.callbacks import Checkpoint, LearningRateControl, TrainingLog
from skdeep.model_selection import train_dev_test_split
from skdeep.utils import ewma

X, y = load_digits(return_X_y=True)
X_train, X_dev, _, y_train, y_dev, _ = train_dev_test_split(X, y, random_state=0)
scaler = StandardScaler().fit(X_train)
X_train, X_dev = scaler.transform(X_train), scaler.transform(X_dev)

# %%
# By hand. A bold learning rate at first; as soon as the smoothed cost has not fallen by a tenth in
# three epochs, a third of it. What holds for an epoch is what the parameters are when it begins, so
# the penalty, dropout and the rest could be changed as well.

network = DeepMLPClassifier(
    (64, 64), solver="sgd", learning_rate_init=0.3, random_state=0
)
rates, costs, accuracies = [], [], []
changed_at = 0
for epoch in range(30):
    network.partial_fit(X_train, y_train, classes=np.unique(y))
    rates.append(network.learning_rate_init)
    costs.append(network.loss_)
    accuracies.append(network.score(X_dev, y_dev))
    smooth = ewma(costs, 0.5)
    if epoch - changed_at >= 3 and smooth[-1] > 0.9 * smooth[-4]:
        network.set_params(learning_rate_init=network.learning_rate_init / 3)
        changed_at = epoch

print(f"dev accuracy by hand: {accuracies[-1]:.3f}, learning rate now {rates[-1]:.2g}")

# %%
# The same rule as a callback, beside a log that can be read, and a checkpoint that can be resumed,
# while the fit runs. A file instead of a function would let you steer from another terminal:
# ``LearningRateControl("rate.txt")``. Callbacks need scikit-learn 1.9.

folder = Path(tempfile.mkdtemp())
state = {"rate": 0.3, "changed_at": -1}


def a_third_on_a_plateau(epoch, loss_curve):
    smooth = ewma(loss_curve, 0.5) if loss_curve else []
    last = epoch - 1
    if last - max(state["changed_at"], 0) >= 3 and smooth[-1] > 0.9 * smooth[-4]:
        state.update(rate=state["rate"] / 3, changed_at=last)
    return state["rate"]


steered = DeepMLPClassifier(
    (64, 64), solver="sgd", max_iter=30, n_iter_no_change=30, random_state=0
)
if hasattr(steered, "set_callbacks"):
    log = TrainingLog(folder / "log.csv")
    steered.set_callbacks(LearningRateControl(a_third_on_a_plateau), log)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # thirty epochs are all we want
        steered.fit(X_train, y_train)
    assert np.allclose(steered.loss_curve_, costs)
    print((folder / "log.csv").read_text().splitlines()[0])
    print((folder / "log.csv").read_text().splitlines()[-1])

    # Every tenth epoch is saved. A power cut would cost ten epochs at most: the fit goes on from
    # the file and ends with the very same network.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        steered.set_callbacks(Checkpoint(folder / "network", every=10)).fit(
            X_train, y_train
        )
        again = Checkpoint.resume(folder / "network").fit(X_train, y_train)
    assert np.array_equal(again.predict_proba(X_dev), steered.predict_proba(X_dev))

# %%
# Where the rate was cut, the cost falls again: large steps had been throwing it about. The
# average, by which the rule goes, follows a few epochs later.

figure, (above, below) = plt.subplots(
    2, 1, figsize=(7, 6), sharex=True, height_ratios=(2, 1), layout="constrained"
)
epochs = np.arange(1, 31)
above.plot(epochs, costs, color="C0", alpha=0.35, label="cost J of the epoch")
above.plot(
    epochs, ewma(costs, 0.5), color="C0", label="exponentially weighted, β = 0.5"
)
above.plot(epochs, 1 - np.array(accuracies), "C1--", label="dev error")
above.set(ylabel="cost, error (log scale)", yscale="log")
above.legend()
below.step(epochs, rates, where="mid", color="C2")
below.set(
    xlabel="epoch", ylabel="learning rate α", ylim=(0, 0.35), yticks=[0, 0.1, 0.2, 0.3]
)
figure.suptitle("One network on the digits, its learning rate by hand")
figure.savefig("babysit_one_model.png", dpi=120)
