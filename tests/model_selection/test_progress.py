"""What a search prints while it runs."""

import pytest
from searches import classifier, data

from skdeep.model_selection import VectorizedGridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_progress_counts_candidate_epochs(capsys):
    X, y = data("classes")
    VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Fitting 2 folds for each of 2 candidates, totalling 4 fits"
    assert lines[-1].startswith("24 of 24 candidate-epochs (100%), best score 0.")
    assert lines[-1].endswith(" s left")


def test_verbose_names_each_candidate(capsys):
    X, y = data("classes")
    VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2, verbose=3).fit(X, y)
    out = capsys.readouterr().out
    assert out.count("END alpha=0.1;") == out.count("END alpha=1.0;") == 2
