"""A step over θ in blocks equals the step over θ as a whole, whatever the width of the blocks.

The whole is put together here from the parts that have tests of their own: the penalty, the
clipping, the optimizer, and L1's proximal step.
"""

import numpy as np
import pytest

from skdeep._engine import updates
from skdeep._engine.optimizers import clip_by_global_norm
from skdeep._engine.penalties import ElasticNet
from skdeep._engine.solvers import make_optimizer
from skdeep._engine.updates import Updates

P, N_PENALISED, STEPS, M = 29, 20, 6, 10.0
SOLVERS = {
    "sgd": {"solver": "sgd", "momentum": 0.0},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd"},
    "rmsprop": {"solver": "rmsprop"},
    "adam": {"solver": "adam"},
    "adamw": {"solver": "adamw"},
    "nadam": {"solver": "nadam"},
}
PENALTIES = {"none": (0.0, 0.0), "L2": (3.0, 0.0), "L1": (1.0, 1.0), "elastic net": (3.0, 0.3)}


def apply_whole(optimizer, state, penalty, theta, grad, clip, rate):
    """One step, each part acting on the whole of θ before the next one does."""
    weights, scratch = theta[..., :N_PENALISED], np.empty_like(theta)
    room = scratch[..., :N_PENALISED]
    if not optimizer.decoupled_decay:
        penalty.add_gradient(weights, grad[..., :N_PENALISED], room)
    if clip is not None:
        clip_by_global_norm(grad, clip)
    if optimizer.decoupled_decay:
        penalty.decay(weights, rate)
    optimizer.update(theta, grad, state, rate, scratch)
    penalty.soften(weights, optimizer.coordinate_step(state, rate, slice(0, N_PENALISED)))


# The weights end within a block, at the end of one, and the whole is one block.
@pytest.mark.parametrize("width", [1, 8, 10, P])
@pytest.mark.parametrize("models", [(), (3,)], ids=["one", "population"])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_blocks_equal_the_whole(solver, penalty, models, width, rng, monkeypatch):
    monkeypatch.setattr(updates, "make_scratch", lambda theta: np.empty((*models, width)))
    start, gradients = rng.normal(size=(*models, P)), rng.normal(size=(STEPS, *models, P))
    alpha, l1_ratio = PENALTIES[penalty]
    per_model = np.array([[0.5], [1.0], [2.0]]) if models else 1.0
    elastic_net, rate = ElasticNet.of(alpha * per_model, l1_ratio, M), 0.05 * per_model
    optimizer = make_optimizer(**SOLVERS[solver])
    for clip in (None, 3.0 * per_model):
        ours, grad = start.copy(), np.empty_like(start)
        expected, expected_state = start.copy(), optimizer.init(start)
        blockwise = Updates(
            ours,
            grad,
            N_PENALISED,
            optimizer=optimizer,
            state=optimizer.init(ours),
            penalty=elastic_net,
            gradient_clip=clip,
        )
        for gradient in gradients:
            grad[...] = gradient
            blockwise.apply(rate)
            whole = gradient.copy()
            apply_whole(optimizer, expected_state, elastic_net, expected, whole, clip, rate)
            np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-15)
        if elastic_net.has_l1:
            assert (ours[..., N_PENALISED:] != 0).all()
