"""
Exponentially weighted averages
===============================

The average behind momentum, RMSprop, Adam, batch normalisation and every smoothed curve (course
II 2.2) is V_t = β V_{t−1} + (1 − β) θ_t. It looks back over about 1 / (1 − β) values, and starts
too low unless it is divided by 1 − β^t. The function `ewma` computes it. Look at what a larger β
costs: the curve is smoother, and it lags behind.
"""

# %%
# Something noisy to average: the cost of single mini-batches, as a network learns the digits. One
# call of ``partial_fit`` on 64 rows is one step.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.inspection import LossCurveDisplay
from skdeep.utils import ewma

X, y = load_digits(return_X_y=True)
X = StandardScaler().fit_transform(X)
network = DeepMLPClassifier((64,), random_state=0)
order = np.random.default_rng(0)
costs = []
for _ in range(200):
    rows = order.choice(y.size, 64, replace=False)
    network.partial_fit(X[rows], y[rows], classes=np.unique(y))
    costs.append(network.loss_)
costs = np.array(costs)

# %%
# The recursion, by the course's formula, is what ``ewma`` computes without a loop.

beta, V, by_formula = 0.9, 0.0, []
for t, cost in enumerate(costs, start=1):
    V = beta * V + (1 - beta) * cost
    by_formula.append(V / (1 - beta**t))
np.testing.assert_allclose(ewma(costs, beta), by_formula)

# %%
# What it does to noise: the standard deviation of independent values falls by the factor
# sqrt((1 − β) / (1 + β)). So it is for the cost of mini-batches once the network stays as it is.

losses = -network.predict_log_proba(X)[np.arange(y.size), y]
noise = losses[order.choice(y.size, (5000, 64))].mean(axis=1)
for beta in (0.5, 0.9, 0.98):
    shrunk = np.std(ewma(noise, beta)[200:]) / np.std(noise)
    print(
        f"β = {beta}: noise times {shrunk:.2f}, expected {np.sqrt((1 - beta) / (1 + beta)):.2f}"
    )

# %%
# On the left, larger β is smoother, and later. In the middle, the start: without its correction the
# average has to climb up from zero. On the right, where skdeep uses it for you: a fit's curves.

figure, axes = plt.subplots(1, 3, figsize=(11.5, 4), layout="constrained")
steps = np.arange(1, costs.size + 1)
for ax in axes[:2]:
    ax.plot(steps, costs, color="0.75", linewidth=0.8, label="cost of a mini-batch")
for beta, color, style in ((0.5, "C0", "-"), (0.9, "C1", "--"), (0.98, "C2", "-.")):
    label = f"β = {beta}, about {1 / (1 - beta):.0f} steps"
    axes[0].plot(steps, ewma(costs, beta), style, color=color, label=label)
axes[0].set(xlabel="step", ylabel="cost J", title="Smoother, and later")
for correction, style in ((True, "-"), (False, "--")):
    label = "with bias correction" if correction else "without bias correction"
    average = ewma(costs, 0.98, bias_correction=correction)
    axes[1].plot(steps, average, f"C2{style}", label=label)
axes[1].set(xlabel="step", ylabel="cost J", title="The start, β = 0.98")
for ax in axes[:2]:
    ax.legend()

network = DeepMLPClassifier((64,), early_stopping=True, random_state=0).fit(X, y)
LossCurveDisplay.from_estimator(network, ax=axes[2])
axes[2].set_title("A whole fit")
figure.savefig("weighted_average.png", dpi=120)
