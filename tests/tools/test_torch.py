"""PyTorch predicts what our networks do, and ours what PyTorch's do; what is not known is named."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from exported import (
    CASES,
    IRIS,
    NAMES,
    POSITIVE,
    TOLERANCE,
    classifier,
    fitted,
    outcome,
    predictions,
    raw_outputs,
    regressor,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skdeep import TabularMLPClassifier
from skdeep._engine.activations import ACTIVATIONS
from skdeep.export import from_torch, to_torch
from skdeep.export._layers import network_arrays

torch = pytest.importorskip("torch")
nn = torch.nn
pytestmark = [
    pytest.mark.tools,
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]
each_case = pytest.mark.parametrize("name", CASES)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def outputs(module, X):
    with torch.no_grad():
        return module(torch.from_numpy(X)).numpy()


@each_case
@each_dtype
def test_the_module_predicts_what_the_model_does(name, dtype):
    model, X = fitted(name, dtype)
    module = to_torch(model)
    assert not module.training
    z = outputs(module[:-1], X)
    assert z.dtype == dtype
    assert_allclose(z, raw_outputs(model, X), **TOLERANCE[dtype])
    if name != "one class":
        assert_allclose(outputs(module, X), predictions(model, X), **TOLERANCE[dtype])


@each_case
@each_dtype
def test_what_has_left_comes_back(name, dtype):
    model, X = fitted(name, dtype)
    classes = getattr(model, "classes_", None)
    kwargs = {} if network_arrays(model).task == "multilabel" else {"classes": classes}
    if not hasattr(model, "predict_proba"):
        kwargs = {"loss": model.loss}
    module = to_torch(model)
    before = copy.deepcopy(module.state_dict())
    if name == "one class":
        with pytest.raises(ValueError, match=r"classes must be 2 labels for 1 output"):
            from_torch(module, **kwargs)
        return
    again = from_torch(module, **kwargs)
    assert_allclose(outcome(again, X), outcome(model, X), **TOLERANCE[dtype])
    if classes is not None:
        assert_array_equal(again.predict(X), model.predict(X))
    assert again.coefs_[0].dtype == dtype
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key])


def test_training_goes_on_as_with_the_same_parameters_and_a_fresh_optimizer():
    model, X = fitted("all at once")
    y = CASES["all at once"][2]
    again = from_torch(to_torch(model), learning_rate_init=0.02, batch_size=16, random_state=0)
    params = again.get_params()
    for name in ("hidden_layer_sizes", "activation", "batch_norm", "batch_norm_epsilon"):
        assert params[name] == model.get_params()[name]
    assert params["dropout"] == [0.25, 0.25]
    assert_allclose(params["batch_norm_momentum"], model.batch_norm_momentum)
    before = again.score(X, y)
    for _ in range(30):
        again.partial_fit(X, y)
    assert again.score(X, y) > before
    again.set_params(warm_start=True, max_iter=2).fit(X, y)
    assert clone(again).fit(X, y).n_layers_ == 4


def test_the_first_step_after_import_is_that_of_torch():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    model = from_torch(
        module, solver="sgd", momentum=0.0, learning_rate_init=0.1, batch_size="full", alpha=0.0
    )
    model.partial_fit(IRIS, POSITIVE)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    z = module(torch.from_numpy(IRIS))[:, 0]
    (((z - torch.from_numpy(POSITIVE)) ** 2).mean() / 2).backward()
    optimizer.step()
    for W, layer in zip(model.coefs_, (module[0], module[2]), strict=True):
        assert_allclose(W.T, layer.weight.detach().numpy(), rtol=1e-12)


def test_running_statistics_move_on_as_torch_moves_them():
    model, X = fitted("batch norm")
    module = to_torch(model)[:2].train()
    module(torch.from_numpy(X[:32]))
    n = 32
    again = from_torch(to_torch(model), classes=np.unique(NAMES), learning_rate_init=1e-12)
    again.set_params(shuffle=False, batch_size=n).partial_fit(X[:n], NAMES[:n])
    hidden = again.layers_[0]
    assert_allclose(hidden.mean, module[1].running_mean.numpy(), rtol=1e-6)
    # PyTorch's running variance is of the unbiased kind.
    before, after = model.layers_[0].variance, module[1].running_var.numpy()
    biased = 0.9 * before + (after - 0.9 * before) * (n - 1) / n
    assert_allclose(hidden.variance, biased, rtol=1e-6)


def test_dropout_acts_in_training_mode_alone():
    model, X = fitted("dropout")
    module = to_torch(model)
    assert [one.p for one in module if isinstance(one, nn.Dropout)] == [0.25, 0.5]
    assert not np.allclose(outputs(module.train(), X), predictions(model, X))


def test_modules_are_saved_and_exported_by_torch(tmp_path):
    model, X = fitted("loss poisson")
    module = to_torch(model)
    assert_array_equal(outputs(pickle.loads(pickle.dumps(module)), X), outputs(module, X))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, (torch.from_numpy(X),))
    assert_allclose(program.module()(torch.from_numpy(X)).detach().numpy(), outputs(module, X))


def test_members_of_ensembles_for_tables_leave_too():
    settings = {"n_bins": 3, "n_members": 2, "hidden_layer_sizes": (8,), "max_iter": 3}
    ensemble = TabularMLPClassifier(**settings, random_state=0).fit(IRIS, NAMES)
    X = ensemble.encoders_[0].transform(IRIS).astype("float64")
    for member in ensemble.members_:
        assert_allclose(outputs(to_torch(member), X), member.predict_proba(X), atol=1e-10)
    with pytest.raises(TypeError, match="members_"):
        to_torch(ensemble)


# ------------------------------------------------------------------------ somebody else's networks

MODULES = {
    "no norm": lambda: [nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 3)],
    "nested": lambda: [nn.Sequential(nn.Linear(4, 6), nn.Mish()), nn.Linear(6, 3)],
    "norms before activations": lambda: [
        nn.Linear(4, 6),
        nn.BatchNorm1d(6, momentum=0.3),
        nn.GELU(),
        nn.Linear(6, 5, bias=False),
        nn.BatchNorm1d(5, momentum=0.3, affine=False),
        nn.GELU(),
        nn.Linear(5, 3),
    ],
    "layer norm": lambda: [
        nn.Linear(4, 6, bias=False),
        nn.LayerNorm(6),
        nn.SiLU(),
        nn.Linear(6, 3, bias=False),
    ],
    "layer norm without its own": lambda: [
        nn.Linear(4, 6, bias=False),
        nn.LayerNorm(6, elementwise_affine=False),
        nn.SELU(),
        nn.Linear(6, 3),
    ],
    "no activation": lambda: [nn.Linear(4, 6), nn.Linear(6, 3)],
    "identities": lambda: [
        nn.Identity(),
        nn.Linear(4, 6),
        nn.Identity(),
        nn.ELU(),
        nn.Linear(6, 3),
    ],
    "linear": lambda: [nn.Linear(4, 3)],
    "softplus": lambda: [nn.Linear(4, 6), nn.Softplus(), nn.Linear(6, 3)],
    "leaky": lambda: [nn.Dropout(0.1), nn.Linear(4, 6), nn.LeakyReLU(0.01), nn.Linear(6, 3)],
}


def made(name, dtype="float64"):
    """A network that has been trained for a few steps, its statistics with it."""
    torch.manual_seed(0)
    module = nn.Sequential(*MODULES[name]()).to(getattr(torch, dtype))
    X = torch.from_numpy(IRIS.astype(dtype))
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(5):
        optimizer.zero_grad()
        (module(X) ** 2).mean().backward()
        optimizer.step()
    return module.eval()


@pytest.mark.parametrize("name", MODULES)
@each_dtype
def test_a_network_of_torchs_predicts_as_an_estimator(name, dtype):
    module, X = made(name, dtype), IRIS.astype(dtype)
    z = outputs(module, X)
    as_regressor = from_torch(module)
    assert_allclose(as_regressor.predict(X), z, **TOLERANCE[dtype])
    as_classifier = from_torch(module, classes=["a", "b", "c"])
    p = outputs(nn.Sequential(module, nn.Softmax(dim=1)).eval(), X)
    assert_allclose(as_classifier.predict_proba(X), p, **TOLERANCE[dtype])
    with_link = from_torch(nn.Sequential(*module, nn.Softmax(dim=1)).eval(), classes=[0, 1, 2])
    assert_array_equal(with_link.predict(X), z.argmax(axis=1))
    labels = from_torch(nn.Sequential(*module, nn.Sigmoid()).eval())
    assert_array_equal(labels.predict(X), (z > 0).astype(int))
    as_regressor.partial_fit(X, np.zeros((len(X), 3)))


def test_two_classes_of_one_logit_or_of_two():
    torch.manual_seed(0)
    one = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1)).double().eval()
    two = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double().eval()
    p = outputs(nn.Sequential(*one, nn.Sigmoid()), IRIS)
    for module in (one, nn.Sequential(*one, nn.Sigmoid())):
        model = from_torch(module, classes=["no", "yes"])
        assert_allclose(model.predict_proba(IRIS)[:, 1:], p, rtol=1e-12)
    p = outputs(nn.Sequential(*two, nn.Softmax(dim=-1)), IRIS)
    for module in (two, nn.Sequential(*two, nn.Softmax(dim=-1))):
        model = from_torch(module, classes=["no", "yes"])
        assert_allclose(model.predict_proba(IRIS), p, rtol=1e-12)
        assert list(model.predict(IRIS)) == [["no", "yes"][k] for k in p.argmax(axis=1)]


def test_one_target_is_a_vector_and_the_loss_is_the_users():
    module = nn.Sequential(nn.Linear(4, 1)).double()
    assert from_torch(module).predict(IRIS).shape == (len(IRIS),)
    assert from_torch(module, loss="huber").loss == "huber"
    ours = to_torch(fitted("loss gamma")[0])
    assert from_torch(ours).loss == "poisson"
    assert from_torch(ours, loss="gamma").loss == "gamma"
    with pytest.raises(ValueError, match=r"loss='gamma' goes with the link 'exp', .* 'identity'"):
        from_torch(module, loss="gamma")


def test_every_activation_has_a_module_of_its_own():
    made_of = {type(to_torch(fitted(f"activation {n}")[0])[1]).__name__ for n in ACTIVATIONS}
    assert len(made_of) == len({function.name for function in ACTIVATIONS.values()})


# --------------------------------------------------------------------------------- refusals

BEFORE, AFTER = nn.Linear(4, 6), nn.Linear(6, 3)
REFUSED = {
    "unknown": ([BEFORE, nn.Hardswish(), AFTER], r"1: Hardswish\(\) is no layer .* knows"),
    "convolution": ([nn.Conv1d(1, 1, 1), AFTER], r"0: Conv1d.* is no layer"),
    "slope": ([BEFORE, nn.LeakyReLU(0.2), AFTER], r"1: LeakyReLU.*negative_slope=0.01.* got 0.2"),
    "gelu": ([BEFORE, nn.GELU(approximate="tanh"), AFTER], r"1: GELU.*approximate='none'"),
    "elu": ([BEFORE, nn.ELU(0.5), AFTER], r"1: ELU.*alpha=1.0"),
    "softplus": ([BEFORE, nn.Softplus(beta=2), AFTER], r"1: Softplus.*beta=1"),
    "dim": ([BEFORE, AFTER, nn.Softmax(dim=0)], r"2: Softmax.*dim=1.* got 0"),
    "softmax within": ([BEFORE, nn.Softmax(dim=1), AFTER], r"1: Softmax.* no activation function"),
    "no link": ([BEFORE, AFTER, nn.ReLU()], r"2: ReLU\(\) is no link"),
    "norm after activation": (
        [BEFORE, nn.ReLU(), nn.BatchNorm1d(6), AFTER],
        r"2: BatchNorm1d.* cannot follow 1: ReLU\(\): skdeep's order is dense, norm",
    ),
    "dropout before activation": (
        [BEFORE, nn.Dropout(0.5), nn.ReLU(), AFTER],
        r"2: ReLU\(\) cannot follow 1: Dropout",
    ),
    "two activations": (
        [BEFORE, nn.ReLU(), nn.Tanh(), AFTER],
        r"2: Tanh\(\) cannot follow 1: ReLU",
    ),
    "two dropouts": (
        [BEFORE, nn.Dropout(0.5), nn.Dropout(0.2), AFTER],
        r"2: Dropout.* cannot follow 1: Dropout",
    ),
    "norm first": ([nn.BatchNorm1d(4), BEFORE, AFTER], r"0: BatchNorm1d.* before the first dense"),
    "norm last": ([BEFORE, AFTER, nn.BatchNorm1d(3)], r"2: BatchNorm1d.* the last dense layer"),
    "dropout last": ([BEFORE, AFTER, nn.Dropout(0.5)], r"2: Dropout.* the last dense layer"),
    "one norm": (
        [nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 6), nn.ReLU(), AFTER],
        r"2: Linear.* has no norm after it, while there is 1: BatchNorm1d",
    ),
    "two epsilons": (
        [
            *[nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 6), nn.BatchNorm1d(6, eps=1e-3)],
            AFTER,
        ],
        r"3: BatchNorm1d.* differ in epsilon, 0.001 and 1e-05",
    ),
    "bias before layer norm": (
        [BEFORE, nn.LayerNorm(6), AFTER],
        r"0: Linear.* has a bias, and 1: LayerNorm",
    ),
    "no statistics": (
        [BEFORE, nn.BatchNorm1d(6, track_running_stats=False), AFTER],
        r"1: BatchNorm1d.* must have running statistics",
    ),
    "widths": ([BEFORE, nn.Linear(5, 3)], r"1: Linear.* takes 5 inputs, but 0: Linear.* gives 6"),
    "nothing": ([], r"must have a dense layer"),
    "half": ([nn.Linear(4, 3).half()], r"must be float32, or all float64, got \['float16'\]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_named(name):
    layers, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        from_torch(nn.Sequential(*layers))


@pytest.mark.parametrize(
    ("n_outputs", "link", "classes", "message"),
    [
        (3, nn.Softmax(dim=1), None, "it is a classifier: pass classes="),
        (1, nn.Sigmoid(), None, "it is a classifier: pass classes="),
        (3, nn.Sigmoid(), ["a", "b", "c"], "multi-label y: classes must be None"),
        (3, nn.Softmax(dim=1), ["a", "b"], r"classes must be 3 labels for 3 output\(s\)"),
        (3, nn.Softmax(dim=1), ["b", "a", "c"], "sorted order"),
        (3, nn.Softmax(dim=1), ["a", "a", "c"], "distinct labels"),
        (3, nn.Softmax(dim=1), [None, 1, 2], "classes must be distinct labels"),
        (3, nn.Softmax(dim=1), [], "classes must be 3 labels"),
        (3, nn.Softmax(dim=1), 5, "classes must be distinct labels"),
        (3, nn.Softmax(dim=1), np.eye(3), "classes must be distinct labels"),
        (1, nn.Identity(), ["a"], r"classes must be 2 labels for 1 output\(s\)"),
        (1, nn.Softmax(dim=1), ["a", "b"], "classes must be 2 labels"),
    ],
)
def test_classes_that_do_not_go_with_the_outputs_are_refused(n_outputs, link, classes, message):
    module = nn.Sequential(nn.Linear(4, n_outputs), link)
    with pytest.raises(ValueError, match=message):
        from_torch(module, classes=classes)


def test_an_exponential_takes_no_classes():
    with pytest.raises(ValueError, match="regressor: classes must be None"):
        from_torch(to_torch(fitted("loss poisson")[0]), classes=[0, 1])


def test_parameters_of_the_network_cannot_be_given():
    module = nn.Sequential(nn.Linear(4, 1))
    with pytest.raises(ValueError, match="batch_norm is what the network has"):
        from_torch(module, batch_norm=True)
    with pytest.raises(ValueError, match="alpha"):
        from_torch(module, alpha=-1)


@pytest.mark.parametrize("module", [BEFORE, "nonsense", None])
def test_what_is_no_sequential_is_refused(module):
    with pytest.raises(TypeError, match=r"module must be a torch.nn.Sequential, got"):
        from_torch(module)


def test_unfitted_models_are_refused():
    for model in (classifier(4), regressor(4)):
        with pytest.raises(ValueError, match="not fitted"):
            to_torch(model)
