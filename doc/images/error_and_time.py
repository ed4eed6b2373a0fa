"""Draw the figure of the start page, error against time, for a light and for a dark page.

    python doc/images/error_and_time.py

The numbers are in error_and_time.csv, as ``benchmarks/bench_tables.py`` found them on the nineteen
tables of its development suite; doc/benchmarks.rst says how. Errors are geometric means of ratios
to the error of scikit-learn's MLP, times are sums over all fits, HistGradientBoosting's being 1.
"""

import csv
from pathlib import Path

import matplotlib.pyplot as plt

HERE = Path(__file__).parent
# Ink, grid, and a colour for each kind of method.
PAGES = {
    "light": {"ink": "#222832", "grid": "#d0d4da", "skdeep": "#c65d00", "boosting": "#1f6fb2",
              "network": "#5f6b7a"},
    "dark": {"ink": "#ced6dd", "grid": "#3a424d", "skdeep": "#ff9f45", "boosting": "#6db4f2",
             "network": "#9aa7b6"},
}  # fmt: skip
MARKERS = {"skdeep": "o", "boosting": "s", "network": "^"}
LABELS = {"skdeep": "skdeep", "boosting": "boosted trees", "network": "other networks"}
# Where a name would lie on another, how far above its point it stands, in points.
RISES = {"HistGradientBoosting": -15, "XGBoost": 9}
LEFT = {"TabM (PyTorch)"}


def read():
    with (HERE / "error_and_time.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row | {name: float(row[name]) for name in ("error", "time")}


def draw(colours, path):
    style = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), colours["ink"])
    style |= {"xtick.color": colours["ink"], "ytick.color": colours["ink"], "font.size": 11}
    style |= {"svg.fonttype": "path", "svg.hashsalt": "skdeep", "axes.spines.top": False}
    with plt.rc_context(style | {"axes.spines.right": False}):
        figure, ax = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
        seen = set()
        for row in read():
            kind, label = row["kind"], LABELS[row["kind"]]
            ax.plot(
                row["time"], row["error"], MARKERS[kind], color=colours[kind], markersize=9,
                label=None if label in seen else label, zorder=3,
            )  # fmt: skip
            seen.add(label)
            rise, left = RISES.get(row["method"], 5), row["method"] in LEFT
            ax.annotate(
                row["method"], (row["time"], row["error"]), color=colours["ink"],
                xytext=(-8 if left else 8, rise), textcoords="offset points",
                ha="right" if left else "left", weight="bold" if kind == "skdeep" else "normal",
            )  # fmt: skip
        ax.set(xscale="log", xlim=(0.2, 800), ylim=(0.65, 1.05))
        ax.set(
            xlabel="time of a fit (HistGradientBoosting = 1)",
            ylabel="error (scikit-learn's MLP = 1)",
        )
        ax.xaxis.set_major_formatter("{x:g}")
        ax.grid(color=colours["grid"], linewidth=0.6)
        ax.legend(loc="lower right", frameon=False, labelcolor=colours["ink"])
        figure.savefig(path, transparent=True, metadata={"Date": None})
        plt.close(figure)


def main():
    for page, colours in PAGES.items():
        draw(colours, HERE / f"error_and_time-{page}.svg")


if __name__ == "__main__":
    main()
