"""
Four cases of bias and variance
===============================

The course diagnoses four networks from two numbers each, the error on the training set and the
error on the dev set (course II 1.2). Here its four columns are a real experiment: one layer of 100
units learns the digits four times, with few or many images and with or without a strong penalty.
`bias_variance_report` finds each of the four diagnoses once.
"""

# %%
# The digits, split as the course splits them. People read nearly all of them, so that the base
# error is taken as zero.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skdeep import DeepMLPClassifier
from skdeep.augmentation import ImageAugmenter
from skdeep.inspection import bias_variance_report
from skdeep.model_selection import train_dev_test_split

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32) / 16
X_train, X_dev, _, y_train, y_dev, _ = train_dev_test_split(X, y, random_state=0)
FEW, ALL = 100, len(X_train)

# %%
# Two levers. Few rows bring variance: 100 units learn 100 images by heart. A large λ brings bias:
# weights that are held near zero cannot fit. In both penalised cases λ/m is about 0.075. The last
# network has all rows, hardly a penalty, and two helps: images that are turned and moved a little,
# afresh in each epoch (II 1.8), and batch norm (II 3.2).

augment = ImageAugmenter((8, 8), rotation=8, shift=0.5, zoom=0.1, shear=5)
helped = {
    "augment": augment,
    "batch_norm": True,
    "learning_rate": "cosine",
    "max_iter": 100,
}
cases = {
    "few rows": (FEW, {}),
    "large λ": (ALL, {"alpha": 80.0}),
    "few rows, large λ": (FEW, {"alpha": 7.5}),
    "augmented": (ALL, helped),
}
models, reports = {}, {}
for name, (n_rows, parameters) in cases.items():
    model = DeepMLPClassifier(
        100, learning_rate_init=0.01, max_iter=150, random_state=0
    )
    seen = X_train[:n_rows], y_train[:n_rows]
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # Some end with their last epoch.
        model.set_params(**parameters).fit(*seen)
    models[name] = model
    reports[name] = bias_variance_report(model, *seen, X_dev, y_dev, random_state=0)

# %%
# The table of the course (II 1.2), and ours beside it.

notes = [
    (1, 11, "high variance"),
    (15, 16, "high bias"),
    (15, 30, "high bias and high variance"),
    (0.5, 1, "low bias and low variance"),
]
print("course: train, dev    here: train, dev")
for (name, report), (train, dev, diagnosis) in zip(reports.items(), notes, strict=True):
    here = f"{100 * report.train_error:5.1f} % {100 * report.dev_error:5.1f} %"
    print(f"{train:7g} % {dev:5g} %    {here}    {report.diagnosis} ({name})")
    assert report.diagnosis == diagnosis

# %%
# What the report says of one of them: intervals, diagnosis and what to try, bias first (II 1.3).

print(reports["few rows, large λ"])

# %%
# All this is relative to the base error. Were the images so blurred that people misread 15 % of
# them, the second network would have nothing to be blamed for.

excused = bias_variance_report(
    models["large λ"], X_train, y_train, X_dev, y_dev, base_error=0.15, random_state=0
)
print(f"large λ, with a base error of 15 %: {excused.diagnosis}")
assert not excused.high_bias

# %%
# Bars: the errors, with 95 % intervals; crosses: the course's numbers. The height of the blue bar
# over the base error is the bias, the step from the blue bar up to the orange one the variance.

figure, ax = plt.subplots(figsize=(9, 5), layout="constrained")
places = np.arange(len(reports))
numbers = np.array([row[:2] for row in notes], dtype=float)
sets = {"train_error": ("training set", "#0072B2"), "dev_error": ("dev set", "#E69F00")}
for column, (part, (label, color)) in enumerate(sets.items()):
    x = places + (-0.2, 0.2)[column]
    errors = np.array([100 * getattr(report, part) for report in reports.values()])
    ends = 100 * np.array([report.intervals[part] for report in reports.values()]).T
    whiskers = np.abs(ends - errors)
    ax.bar(x, errors, 0.4, yerr=whiskers, capsize=4, color=color, label=label)
    ax.plot(x, numbers[:, column], "kx", label="_" if column else "the course's number")
ax.axhline(0, color="k", linestyle="--", label="base error")
labels = [
    f"{name}\n{100 * report.train_error:.1f} % / {100 * report.dev_error:.1f} %\n\n"
    + report.diagnosis.replace(" and ", ",\n")
    for name, report in reports.items()
]
ax.set_xticks(places, labels=labels)
ax.set(
    ylabel="error in per cent", ylim=(-1, None), title="Four networks, four diagnoses"
)
ax.legend(loc="upper left")
figure.savefig("four_cases.png", dpi=120)

# %%
# Look at the two heights of each pair. Blue low, orange high: it knows its own images only. Both
# high and alike: it does not fit. High and higher still: both. Both near the dashed line: done.
