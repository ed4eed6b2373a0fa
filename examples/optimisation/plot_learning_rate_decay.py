"""
Learning-rate decay
===================

With mini-batches and a fixed rate α the last steps go round the minimum and never into it; a rate
that falls lets them (course II 2.6). The parameter `learning_rate` names the schedule. Look at
how near to the minimum J* each of them gets: the lower a curve ends, the better.
"""

# %%
# The data: 900 digits, for a softmax regression, whose cost has one minimum, J*. Descent on all
# rows at once finds it.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss

from skdeep import SoftmaxClassifier
from skdeep.inspection import LearningRateDisplay

X, y = load_digits(return_X_y=True)
X, y = X[:900] / 16, y[:900]
m, N_EPOCHS, ALPHA_0, LAMBDA = len(X), 30, 0.5, 3.0
minimum = SoftmaxClassifier(alpha=LAMBDA).fit(X, y).loss_

# %%
# The formulas, with t the epoch counted from 0: the course's, "by hand" among them, scikit-learn's
# "invscaling", which counts the rows seen, and the cosine. ("adaptive" has no formula: it divides
# the rate by 5 whenever progress stalls.)

formulas = {
    "constant": lambda t: 1.0,
    "inverse_time": lambda t: 1 / (1 + 0.5 * t),
    "sqrt": lambda t: 1 / np.sqrt(t + 1),
    "exponential": lambda t: 0.85**t,
    "step": lambda t: 0.3 ** (t // 8),
    "by hand": lambda t: 1.0 if t < 15 else 0.1 if t < 23 else 0.01,
    "invscaling": lambda t: 1 / (t * m + 1) ** 0.25,
    "cosine": lambda t: (1 + np.cos(np.pi * t / N_EPOCHS)) / 2,
    "coslog4": lambda t: (1 - np.cos(2 * np.pi * np.log2(1 + 15 * t / N_EPOCHS))) / 2,
}
parameters = {
    "inverse_time": {"decay_rate": 0.5},
    "exponential": {"decay_rate": 0.85},
    "step": {"decay_rate": 0.3, "decay_epochs": 8},
    # A callable is a schedule, too: any factor for the epoch's number.
    "by hand": {"learning_rate": formulas["by hand"]},
    "invscaling": {"power_t": 0.25},
    "cosine": {"decay_epochs": N_EPOCHS},
}
models = {
    name: SoftmaxClassifier(
        alpha=LAMBDA,
        solver="sgd",
        momentum=0,
        batch_size=8,
        learning_rate=name if name != "by hand" else "constant",
        learning_rate_init=ALPHA_0,
        max_iter=N_EPOCHS,
        random_state=0,
    ).set_params(**parameters.get(name, {}))
    for name in formulas
}

# %%
# An epoch at a time, and after each how far the J of all rows is above its minimum. The schedule by
# hand also works with `set_params` between two epochs, and comes to the same.


def above_minimum(model):
    penalty = LAMBDA / (2 * m) * np.sum(model.coef_**2)
    return log_loss(y, model.predict_proba(X)) + penalty - minimum


curves = {name: [] for name in models}
for name, model in models.items():
    for _ in range(N_EPOCHS):
        curves[name].append(
            above_minimum(model.partial_fit(X, y, classes=np.unique(y)))
        )

model = SoftmaxClassifier(**models["constant"].get_params())
for t in range(N_EPOCHS):
    model.set_params(learning_rate_init=ALPHA_0 * formulas["by hand"](t))
    model.partial_fit(X, y, classes=np.unique(y))
np.testing.assert_allclose(model.coef_, models["by hand"].coef_)

print(f"minimum J* = {minimum:.4f}; above it after {N_EPOCHS} epochs:")
for name in sorted(curves, key=lambda name: curves[name][-1]):
    print(f"    {name:>12}: {curves[name][-1]:.1e}")

# %%
# Above: the rates, which are ALPHA_0 times the formulas. Below: what becomes of J, in each panel
# beside the fixed rate, in grey. A fixed rate stays where its noise holds it, and a rate that
# falls too soon, as that of invscaling, stops on the way: what pays is fast first and slow in the
# end.

families = {
    "Decaying by a formula": ("inverse_time", "sqrt", "exponential"),
    "In stairs": ("step", "by hand"),
    "Beyond the course": ("invscaling", "cosine", "coslog4"),
}
figure, axes = plt.subplots(
    2, 3, figsize=(11, 7), sharex=True, sharey="row", layout="constrained"
)
epochs = np.arange(N_EPOCHS)
for (above, below), (family, names) in zip(axes.T, families.items(), strict=True):
    for number, name in enumerate(("constant", *names)):
        line = {
            "label": name,
            "color": "0.7" if name == "constant" else f"C{number - 1}",
        }
        display = LearningRateDisplay.from_estimator(
            models[name],
            n_samples=m,
            ax=above,
            log_scale=False,
            line_kw={**line, "marker": ""},
        )
        expected = [ALPHA_0 * formulas[name](t) for t in epochs]
        np.testing.assert_allclose(display.learning_rates, expected)
        below.semilogy(epochs, curves[name], **line)
    above.set(title=family, xlabel="")
    above.get_legend().remove()
    below.set_xlabel("epoch")
    below.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
    if above is not axes[0, 0]:
        above.set_ylabel("")
axes[0, 0].set_ylabel("learning rate α")
axes[1, 0].set_ylabel("J − J* (log scale)")
figure.savefig("learning_rate_decay.png", dpi=120)
