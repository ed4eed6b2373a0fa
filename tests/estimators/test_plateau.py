"""A fit ends where its cost no longer falls, and not where noise makes it seem so."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_blobs
from sklearn.preprocessing import scale

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep.utils import ewma

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

LONG = 400


def jitter(X_batch, y_batch, random_state):
    return X_batch + random_state.normal(scale=0.5, size=X_batch.shape), y_batch


SMALL = {"hidden_layer_sizes": (5,), "learning_rate_init": 0.02}
QUIET = {
    "adam": DeepMLPClassifier(**SMALL),
    "regressor": DeepMLPRegressor(**SMALL),
    "sgd": DeepMLPClassifier(**SMALL, solver="sgd"),
    "batch norm": DeepMLPClassifier(**SMALL, batch_norm=True),
    "batches in their order": DeepMLPClassifier(**SMALL, batch_size=16, shuffle=False),
    "logistic": LogisticRegressionGD(solver="adam", learning_rate_init=0.05),
    "softmax": SoftmaxClassifier(solver="adam", learning_rate_init=0.05),
}
NOISY = {
    "dropout": DeepMLPClassifier(**SMALL, dropout=0.3),
    "input dropout": DeepMLPClassifier(**SMALL, input_dropout=0.3),
    "augmentation": DeepMLPClassifier(**SMALL, augment=jitter),
    "batches": DeepMLPClassifier(**SMALL, batch_size=16),
    "regressor": DeepMLPRegressor(**SMALL, dropout=0.2),
    "logistic": LogisticRegressionGD(solver="sgd", learning_rate_init=0.5, batch_size=4),
    "softmax": SoftmaxClassifier(solver="sgd", learning_rate_init=0.5, augment=jitter),
}


def data():
    X, y = make_blobs(60, centers=[[0, 0], [1, 1]], random_state=0)
    return X, y


def end_by(costs, tol, patience):
    """The number of epochs after which scikit-learn's rule ends a fit with these costs."""
    return end_by_several([costs], tol, patience)


def end_by_averages(costs, tol, patience):
    """The same where progress of the average counts, too, once it is of enough epochs."""
    averages = np.array(costs) if patience == 1 else ewma(costs, beta=1 - 1 / patience)
    averages[: patience - 1] = -np.inf
    return end_by_several([costs, averages], tol, patience)


def end_by_several(series, tol, patience):
    best, stalled = [np.inf] * len(series), 0
    for epoch, values in enumerate(zip(*series, strict=True), start=1):
        improved = False
        for i, value in enumerate(values):
            if value == -np.inf:
                improved = True
                continue
            improved |= bool(value <= best[i] - tol)
            best[i] = min(best[i], value)
        stalled = 0 if improved else stalled + 1
        if stalled > patience:
            return epoch
    return len(series[0])


def costs_of(model):
    """Those of a long fit, which no plateau ends."""
    return np.array(
        model.set_params(max_iter=LONG, n_iter_no_change=np.inf, random_state=0)
        .fit(*data())
        .loss_curve_
    )


@pytest.mark.parametrize("patience", [1, 3, 10])
@pytest.mark.parametrize("name", QUIET)
def test_without_noise_the_cost_itself_decides(name, patience):
    model, tol = QUIET[name], 1e-3
    costs = costs_of(model)
    expected = end_by(costs, tol, patience)
    model.set_params(n_iter_no_change=patience, tol=tol).fit(*data())
    assert model.n_iter_ == expected < LONG
    assert model.loss_curve_ == costs[:expected].tolist()


@pytest.mark.parametrize("patience", [1, 3, 10])
@pytest.mark.parametrize("name", NOISY)
def test_of_a_noisy_cost_progress_of_the_average_counts_too(name, patience):
    model, tol = NOISY[name], 1e-3
    costs = costs_of(model)
    expected = end_by_averages(costs, tol, patience)
    model.set_params(n_iter_no_change=patience, tol=tol).fit(*data())
    assert model.n_iter_ == expected < LONG
    assert model.loss_curve_ == costs[:expected].tolist()
    assert model.best_loss_ == min(model.loss_curve_)


def test_the_average_goes_on_with_a_warm_start():
    model, tol = clone(NOISY["dropout"]), 1e-3
    expected = end_by_averages(costs_of(clone(model)), tol, 10)
    model.set_params(n_iter_no_change=10, tol=tol, warm_start=True, max_iter=expected // 2)
    model.set_params(random_state=0)
    model.fit(*data()).set_params(max_iter=LONG).fit(*data())
    assert len(model.loss_curve_) == expected


def test_an_adaptive_rate_falls_where_the_average_stalls(capsys):
    X, y = data()
    model = DeepMLPClassifier(
        **SMALL, solver="sgd", learning_rate="adaptive", dropout=0.3, max_iter=LONG, tol=1e-3,
        verbose=True, random_state=0,
    ).fit(X, y)  # fmt: skip
    before = capsys.readouterr().out.partition("Setting learning rate")[0]
    first = before.count("Iteration")
    assert first == end_by_averages(np.array(model.loss_curve_), 1e-3, 10) < model.n_iter_


@pytest.mark.parametrize("seed", range(8))
def test_dropout_ends_no_fit_that_has_not_learnt(seed):
    """A class of weight 1000 against one of 1e-4: all rows belong to it once that is learnt."""
    X, y = make_blobs(50, centers=[[0, 0], [1, 1]], random_state=seed)
    model = DeepMLPClassifier(
        (14, 7), dropout=0.3, max_iter=1000, class_weight={0: 1000, 1: 1e-4}, random_state=seed
    ).fit(X, y)
    assert not model.predict(X).any()


def test_dropout_costs_a_regression_nothing_that_patience_would_gain():
    X, y = load_diabetes(return_X_y=True)
    X = scale(X)
    scores, best = [], []
    for seed in range(3):
        model = DeepMLPRegressor(
            dropout=0.5, max_iter=300, learning_rate_init=0.01, random_state=seed
        )
        scores.append(model.fit(X[::2], y[::2]).score(X[1::2], y[1::2]))
        model.set_params(n_iter_no_change=np.inf)
        best.append(max(model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2]).validation_scores_))
    assert np.mean(scores) > np.mean(best) - 0.015
