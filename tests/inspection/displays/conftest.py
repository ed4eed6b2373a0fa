"""No figure outlives its test; and a network that several displays draw."""

import pytest

from skdeep import DeepMLPClassifier


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    # Imported here: where it is missing, each file of tests is skipped, and not this one.
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def digits_network():
    from drawing import DIGIT, DIGITS, quietly

    return quietly(DeepMLPClassifier((20, 12), max_iter=8, random_state=0).fit, DIGITS, DIGIT)
