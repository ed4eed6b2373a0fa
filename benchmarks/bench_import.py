"""What importing skdeep costs, beside the parts of scikit-learn and SciPy that it stands on.

`import skdeep` alone loads next to nothing, so the first estimator's import is timed as well. Each
import happens in a fresh interpreter, whose own start is timed as "nothing".
"""

import subprocess
import sys
from functools import partial
from typing import Any

from _harness import (
    SPREAD_HEADERS,
    Report,
    command_line,
    draw_ratios,
    interleave,
    parse,
    print_table,
    ratio,
    verdict,
)

FOUNDATION = "sklearn.base and others"
IMPORTS = {
    FOUNDATION: "import sklearn.base, sklearn.utils.validation, scipy.special, scipy.linalg",
    "import skdeep": "import skdeep",
    "an estimator": "from skdeep import DeepMLPClassifier",
    "nothing": "",
}
REQUIRED = {"import skdeep": 1.1, "an estimator": 1.1}


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def draw(figure: Any, ratios: dict[str, Any]) -> None:
    ax = figure.subplots()
    draw_ratios(ax, list(ratios), {"import": list(ratios.values())}, reference=FOUNDATION)
    ax.set(xlabel="what is imported", ylabel=f"time ÷ that of {FOUNDATION}")


def main() -> None:
    args = parse(command_line(__doc__))
    report = Report(args)
    imports = {name: partial(run, code) for name, code in IMPORTS.items()}
    seconds = interleave(imports, rounds=args.rounds)
    ratios = {name: ratio(seconds, name, FOUNDATION) for name in IMPORTS if name != FOUNDATION}
    rows = [
        [name, *spread.cells(), *verdict(spread.median, at_most=REQUIRED.get(name))]
        for name, spread in ratios.items()
    ]
    headers = ["import", *SPREAD_HEADERS, "required", ""]
    print_table(f"Time divided by that of {FOUNDATION}, round by round", headers, rows)
    results = {"seconds": seconds, "ratios": ratios}
    report.save(results, lambda figure: draw(figure, ratios), size=(6, 4))


if __name__ == "__main__":
    main()
