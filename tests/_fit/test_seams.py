"""What a network for tables hangs in without a change of any loop.

Parameters that models share, rates and decay by part, schedules by step, batches encoded as they
are gathered, and a group of models that is watched by its mean prediction.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from recipes import N_CLASSES, N_FEATURES, N_ROWS, make_model, make_recipe, problem_data
from sklearn.metrics import log_loss

from skdeep._engine.data import Rows
from skdeep._engine.optimizers import Adam, AdamW, GradientDescent
from skdeep._engine.schedules import Rule, Schedule
from skdeep._engine.tied import SharedWeights
from skdeep._engine.updates import ParameterGroup
from skdeep._fit.dev import DevSet
from skdeep._fit.fit import Fit

# ---------------------------------------------------------------------------- tied parameters


class SharedWithAdapters:
    """θ_k = a_k · w: the members' weights are one vector w, scaled member by member.

    φ is w, then the numbers a_k.
    """

    def __init__(self, n_models, n_parameters):
        self.n_members, self.P = n_models, n_parameters

    @property
    def size(self):
        return self.P + self.n_members

    @property
    def n_penalised(self):
        return self.P

    def bind(self, phi, theta, grad_theta, grad_phi):
        def expand():
            np.multiply(phi[self.P :, np.newaxis], phi[: self.P], out=theta)

        def pull_back():
            grad_phi[: self.P] = phi[self.P :] @ grad_theta
            grad_phi[self.P :] = grad_theta @ phi[: self.P]

        return expand, pull_back


def tied_fit(recipe, n_models=3, **of_fit):
    X, y = problem_data()
    models = [make_model(recipe) for _ in range(n_models)]
    w = models[0].state.theta.copy()
    models[0].state.phi = np.concatenate([w, [1.0, -1.0, 0.5][:n_models]])
    tied = SharedWithAdapters(n_models, recipe.network.layout.size)
    return Fit(models, Rows(X, y), tied=tied, **of_fit), w


def test_the_optimizer_moves_phi_and_theta_follows():
    recipe = make_recipe(solver="sgd", optimizer=GradientDescent(), batch_size=N_ROWS, alpha=0.0)
    fit, w = tied_fit(replace(recipe, max_epochs=1))
    phi_before = fit.state.phi.copy()
    fit.run()
    tied = SharedWithAdapters(3, w.size)
    theta = np.empty((3, w.size))
    tied.bind(fit.state.phi, theta, theta, None)[0]()
    for model, own in zip(fit.models, theta, strict=True):
        assert_array_equal(model.state.theta, own)

    def cost(phi):
        """The sum of the members' costs, by a fit that does not move."""
        total = 0.0
        tied.bind(phi, theta, theta, None)[0]()
        for own in theta:
            model = make_model(replace(recipe, learning_rate=1e-300, max_epochs=1))
            model.state.theta[...] = own
            Fit([model], Rows(*problem_data())).run()
            total += model.watch.curves.loss[0]
        return total

    moved = (phi_before - fit.state.phi) / recipe.learning_rate
    for i in [0, 7, w.size - 1, w.size, w.size + 2]:
        step = np.zeros_like(phi_before)
        step[i] = 1e-6
        slope = (cost(phi_before + step) - cost(phi_before - step)) / 2e-6
        assert moved[i] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_tied_models_learn_together():
    fit, _ = tied_fit(make_recipe(max_epochs=30))
    fit.run()
    for model in fit.models:
        assert model.watch.curves.loss[-1] < 0.9 * model.watch.curves.loss[0]
        assert model.watch.n_epochs == 30


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("n_members", [1, 2])
def test_several_phi_train_as_each_alone(n_members, watched):
    """Each at its own rate and decay, by schedules of its own length, to its own end."""
    X, y = problem_data()
    rows, recipes = Rows(X, y), []
    dev = DevSet(X[::2], y[::2], None, None, y[::2], None) if watched else None
    for rate, alpha, max_epochs in [(0.05, 0.0, 3), (0.02, 40.0, 7), (0.1, 20.0, 5)]:
        made = make_recipe(learning_rate=rate, alpha=alpha, max_epochs=max_epochs)
        recipes.append(
            replace(
                made,
                optimizer=AdamW(),
                schedule=Schedule("linear", decay_epochs=max_epochs),
                decay_schedule=Schedule("flat_cosine", decay_epochs=max_epochs),
                parameter_groups=(ParameterGroup(slice(0, 9), rate=0.5, decay=3.0),),
            )
        )
    tied = SharedWeights(recipes[0].network, n_members)

    def models_of(number, recipe):
        phi = tied.draw(np.random.default_rng(number), np.zeros(N_CLASSES), np.dtype("f8"))
        models = [make_model(recipe) for _ in range(n_members)]
        for model, theta in zip(models, tied.theta_of(phi), strict=True):
            model.state.theta = theta
            if dev is not None:
                model.dev = dev.of_model(0)
        models[0].state.phi = phi
        return models

    def train(models):
        groups = None
        if dev is not None:
            groups = np.split(np.arange(len(models)), len(models) // n_members)
            groups = [group.tolist() for group in groups]
        Fit(models, rows, dev, groups=groups, tied=tied).run()
        return models

    pairs = list(enumerate(recipes))
    alone = [train(models_of(*pair)) for pair in pairs]
    together = train([model for pair in pairs for model in models_of(*pair)])
    assert together[0].watch.n_epochs == 3
    assert together[n_members].watch.n_epochs == 7
    for found, expected in zip(
        together, [model for models in alone for model in models], strict=True
    ):
        assert_allclose(found.state.theta, expected.state.theta, rtol=1e-9)
        for name, curve in vars(found.watch.curves).items():
            assert_allclose(curve, getattr(expected.watch.curves, name), rtol=1e-9)
    for found, expected in zip(together[::n_members], alone, strict=True):
        assert_allclose(found.state.phi, expected[0].state.phi, rtol=1e-9)


# ------------------------------------------------------------------------ rates and decay by part


@pytest.mark.parametrize("optimizer", [GradientDescent(), Adam(), AdamW()], ids=lambda o: o.name)
def test_a_group_moves_at_its_own_rate(optimizer):
    X, y = problem_data()
    n = make_recipe().network.layout.size
    group = ParameterGroup(slice(n // 2, n), rate=0.1)
    recipe = make_recipe(optimizer=optimizer, alpha=0.0, batch_size=N_ROWS, max_epochs=1)
    plain, slow = make_model(recipe), make_model(replace(recipe, parameter_groups=(group,)))
    start = plain.state.theta.copy()
    for model in (plain, slow):
        Fit([model], Rows(X, y)).run()
    moved = [model.state.theta - start for model in (plain, slow)]
    assert_allclose(moved[1][: n // 2], moved[0][: n // 2], rtol=1e-12)
    assert_allclose(moved[1][n // 2 :], 0.1 * moved[0][n // 2 :], rtol=1e-7)


@pytest.mark.parametrize("n_models", [1, 2])
def test_decay_by_part_and_by_step(n_models):
    # At a gradient of zero, W decays by 1 − rate · l2 · factor · share at each of the steps.
    X, y = np.zeros((8, N_FEATURES)), np.zeros(8, dtype=int)
    half = Rule(lambda epoch, schedule: 1 / (1 + epoch), changes_by_step=True)
    network = make_recipe(sizes=()).network
    group = ParameterGroup(slice(0, 4), decay=3.0)
    recipe = make_recipe(
        sizes=(),
        activations=(),
        optimizer=AdamW(),
        alpha=8 * 0.5,  # an l2 of 0.5
        batch_size=4,
        max_epochs=2,
        shuffle=False,
        parameter_groups=(group,),
        decay_schedule=Schedule(half),
    )
    models = [make_model(recipe, seed=3) for _ in range(n_models)]
    start = models[0].state.theta[: network.layout.n_penalised].copy()
    Fit(models, Rows(X, y)).run()
    shares = [1 / (1 + t) for t in (0.0, 0.5, 1.0, 1.5)]
    expected = start * math.prod(1 - 0.01 * 0.5 * share for share in shares)
    expected[:4] = start[:4] * math.prod(1 - 0.01 * 0.5 * share * 3 for share in shares)
    for model in models:
        assert_allclose(model.state.theta[: start.size], expected, rtol=1e-12)


# ----------------------------------------------------------------------------- schedules by step


def test_a_schedule_by_step_is_asked_before_each_step():
    asked = []

    def formula(epoch, schedule):
        asked.append(epoch)
        return 0.5 if epoch < 1.25 else 0.0

    X, y = problem_data()
    rule = Rule(formula, changes_by_step=True, has_end=True)
    recipe = make_recipe(
        solver="sgd",
        optimizer=GradientDescent(),
        schedule=Schedule(rule),
        batch_size=15,
        max_epochs=3,
        shuffle=False,
    )
    model = make_model(recipe)
    Fit([model], Rows(X, y)).run()
    # Asked once for the epoch, as all schedules are, and then before each of its four steps.
    steps = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75]
    assert sorted(set(asked)) == steps
    # Five steps at half the rate, and none after.
    halved = replace(recipe, schedule=Schedule(), learning_rate=0.005, max_epochs=1)
    expected = make_model(halved)
    Fit([expected], Rows(X, y)).run()
    step = make_model(replace(halved, alpha=recipe.alpha * 15 / N_ROWS))
    step.state.theta[...] = expected.state.theta
    Fit([step], Rows(X[:15], y[:15])).run()
    assert_allclose(model.state.theta, step.state.theta, rtol=1e-10)
    assert model.recipe.ends_with_its_schedule


def test_models_of_a_stack_have_schedules_by_step_of_their_own():
    X, y = problem_data()
    rules = [
        Rule(lambda epoch, schedule, s=s: math.exp(-s * epoch), changes_by_step=True)
        for s in (0.1, 0.5, 1.0)
    ]
    recipes = [make_recipe(schedule=Schedule(rule)) for rule in rules]
    together = [make_model(recipe) for recipe in recipes]
    Fit(together, Rows(X, y)).run()
    for recipe, found in zip(recipes, together, strict=True):
        alone = make_model(recipe)
        Fit([alone], Rows(X, y)).run()
        assert_allclose(found.state.theta, alone.state.theta, rtol=0, atol=1e-10)


def test_schedules_by_epoch_and_by_step_share_no_fit():
    by_step = Schedule(Rule(lambda epoch, schedule: 1.0, changes_by_step=True))
    assert make_recipe().key_of_fit() != make_recipe(schedule=by_step).key_of_fit()


# -------------------------------------------------------------------------------- encoded batches


def squares_beside(x):
    return np.hstack([x, x**2])


@pytest.mark.parametrize("n_models", [1, 3])
@pytest.mark.parametrize("index", [None, np.arange(N_ROWS)[::-1].copy()], ids=["all", "picked"])
def test_batches_are_encoded_as_they_are_gathered(n_models, index):
    X, y = problem_data()
    recipe = make_recipe(n_in=2 * N_FEATURES, early_stopping=True)
    ends = []
    for x, encode in [(X, squares_beside), (squares_beside(X), None)]:
        dev = DevSet(x, y, None, np.arange(0, N_ROWS, 4), y, encode)
        models = [make_model(recipe, dev=dev.of_model(k)) for k in range(n_models)]
        Fit(models, Rows(x, y, index=index, encode=encode), dev).run()
        ends.append(models)
    for found, expected in zip(*ends, strict=True):
        assert_array_equal(found.state.theta, expected.state.theta)
        assert found.watch.curves == expected.watch.curves


def test_full_batch_solvers_see_encoded_rows():
    X, y = problem_data()
    recipe = make_recipe(sizes=(), activations=(), n_in=2 * N_FEATURES, solver="lbfgs")
    ends = []
    for rows in (Rows(X, y, encode=squares_beside), Rows(squares_beside(X), y)):
        model = make_model(recipe)
        Fit([model], rows).run()
        ends.append(model.state.theta)
    assert_allclose(*ends, rtol=1e-9)


# --------------------------------------------------------------------------------- groups of models


def test_a_group_is_watched_by_its_mean_prediction():
    X, y = problem_data()
    dev = DevSet(X, y, None, np.arange(0, N_ROWS, 3), y)
    recipe = make_recipe(early_stopping=True, max_epochs=12)
    models = [make_model(recipe, seed=k, dev=dev.of_model(k)) for k in range(4)]
    for model in models[1:]:
        # As in an ensemble, members share what is random in the batches.
        model.state.streams = models[0].state.streams
    fit = Fit(models, Rows(X, y), dev, groups=[[0, 1], [2, 3]])
    seen = []

    def watching(recipes_network, theta, statistics):
        logits = original(recipes_network, theta, statistics)
        seen.append(logits.copy())
        return logits

    original, dev.predict = dev.predict, watching
    fit.run()
    for group in ([0, 1], [2, 3]):
        for epoch, logits in enumerate(seen):
            p = np.exp(logits[group]) / np.exp(logits[group]).sum(axis=-1, keepdims=True)
            expected = log_loss(y[::3], p.mean(axis=0), labels=range(N_CLASSES))
            for k in group:
                found = models[k].watch.curves.validation_loss[epoch]
                assert found == pytest.approx(expected, rel=1e-9)
        first, second = (models[k].watch.standing for k in group)
        assert first.best_epoch == second.best_epoch
    assert models[0].watch.curves.validation_loss != models[2].watch.curves.validation_loss


# --------------------------------------------------------------------- nothing is silently ignored


@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
@pytest.mark.parametrize(
    "changes",
    [
        {"parameter_groups": (ParameterGroup(slice(0, 2), rate=2.0),)},
        {"decay_schedule": Schedule()},
        {"schedule": Schedule(Rule(lambda epoch, schedule: 1.0, changes_by_step=True))},
    ],
    ids=["groups", "decay", "by step"],
)
def test_full_batch_solvers_refuse_what_goes_by_step(solver, changes):
    recipe = make_recipe(sizes=(), activations=(), solver=solver, **changes)
    with pytest.raises(ValueError, match=rf"solver='{solver}' has no mini-batches"):
        Fit([make_model(recipe)], Rows(*problem_data()))


def test_groups_are_watched_on_a_dev_set():
    models = [make_model(make_recipe()) for _ in range(2)]
    with pytest.raises(ValueError, match=r"groups=\[\[0, 1\]\] are watched on a dev set"):
        Fit(models, Rows(*problem_data()), groups=[[0, 1]])


@pytest.mark.parametrize("n_members", [1, 3])
def test_the_best_epoch_of_members_that_share_weights_has_its_phi(n_members):
    X, y = problem_data()
    recipe = make_recipe(early_stopping=True, max_epochs=30, learning_rate=0.3)
    network = recipe.network
    dev = DevSet(X, y, None, np.arange(0, N_ROWS, 3), y)
    models = [make_model(recipe, dev=dev.of_model(k)) for k in range(n_members)]
    tied = SharedWeights(network, n_members)
    start = tied.draw(np.random.default_rng(0), np.zeros(N_CLASSES), np.dtype(np.float64))
    models[0].state.phi = start
    Fit(models, Rows(X, y), dev, groups=[list(range(n_members))], tied=tied).run()
    last = models[0].state.phi.copy()
    best_epoch = models[0].watch.standing.best_epoch
    assert best_epoch < 29
    for model in models:
        assert model.watch.restore_best()
    best = models[0].state.phi
    assert not np.array_equal(best, last)
    theta = np.empty((n_members, network.layout.size))
    tied.bind(best, theta, np.empty_like(theta), np.empty_like(best))[0]()
    for own, model in zip(theta, models, strict=True):
        assert_array_equal(model.state.theta, own)
