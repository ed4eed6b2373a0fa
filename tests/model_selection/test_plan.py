"""What shares a stack: pipelines, transformers fitted once, and what is left to scikit-learn."""

import numpy as np
import pytest
from searches import assert_same_results, classifier, data, search_both
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.model_selection import VectorizedGridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_pipelines_with_several_scalers_and_weights():
    X, y = load_breast_cancer(return_X_y=True)
    weights = np.random.default_rng(0).uniform(0, 2, size=len(y))
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", classifier())])
    space = {
        "scale": [StandardScaler(), MinMaxScaler(), "passthrough"],
        "mlp__alpha": [1e-3, 1.0],
        "mlp__hidden_layer_sizes": [(4,), (8,)],
    }
    ours, theirs = search_both(
        VectorizedGridSearchCV,
        GridSearchCV,
        pipeline,
        space,
        X,
        y,
        {"mlp__sample_weight": weights},
        cv=3,
        n_jobs=2,
        scoring=["accuracy", "roc_auc"],
        refit="roc_auc",
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_transformers_are_fitted_once_per_fold_and_setting():
    class Counting(StandardScaler):
        n_fits = 0

        def fit(self, X, y=None, sample_weight=None):
            Counting.n_fits += 1
            return super().fit(X, y, sample_weight)

    X, y = data("classes")
    pipeline = make_pipeline(Counting(), classifier())
    space = {
        "counting__with_mean": [True, False],
        "deepmlpclassifier__alpha": [0.1, 1.0, 10.0],
        "deepmlpclassifier__hidden_layer_sizes": [3, 4],
    }
    VectorizedGridSearchCV(pipeline, space, cv=3, refit=False).fit(X, y)
    assert Counting.n_fits == 2 * 3


def test_what_is_not_skdeeps_is_fitted_as_scikit_learn_fits_it():
    from sklearn.linear_model import LogisticRegression

    X, y = data("classes")
    space = [{"est": [LogisticRegression()], "est__C": [0.1, 1]}, {"est": [classifier()]}]
    pipeline = Pipeline([("est", classifier())])
    ours, theirs = search_both(VectorizedGridSearchCV, GridSearchCV, pipeline, space, X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_a_subclass_that_fits_in_its_own_way_is_left_to_it():
    class Scaled(DeepMLPClassifier):
        def fit(self, X, y, sample_weight=None):
            return super().fit(np.asarray(X) / 100, y, sample_weight)

    X, y = data("classes")
    estimator = Scaled((4,), max_iter=4, random_state=0)
    ours, theirs = search_both(
        VectorizedGridSearchCV, GridSearchCV, estimator, {"alpha": [0.1, 1.0]}, X, y
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


class Halved(TransformerMixin, BaseEstimator):
    """A transformer whose train rows are others from `fit_transform` than from `transform`."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def fit_transform(self, X, y=None):
        return X / 2


def drop_dimension(X):
    return X[:, 0]


@pytest.mark.parametrize(
    ("steps", "space"),
    [
        ([("halved", Halved())], {}),
        ([("f", FunctionTransformer())], {"f__func": [lambda X: X + 1, np.log1p]}),
        ([("f", FunctionTransformer())], {"f__func": [None, drop_dimension]}),
        ([("f", "passthrough")], {"f": [FunctionTransformer(lambda X: X), StandardScaler()]}),
    ],
    ids=["other train rows", "lambdas", "bad output", "closures"],
)
@pytest.mark.parametrize("scoring", ["neg_log_loss", lambda *args: args[0].score(*args[1:])])
def test_transformers_of_all_sorts(steps, space, scoring):
    X, y = load_iris(return_X_y=True)
    ours, theirs = search_both(
        VectorizedGridSearchCV,
        GridSearchCV,
        Pipeline([*steps, ("mlp", classifier())]),
        {**space, "mlp__alpha": [0.1, 1.0]},
        X,
        y,
        cv=3,
        return_train_score=True,
        scoring=scoring,
        refit=False,
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


@pytest.mark.usefixtures("_all_stacked")
def test_texts_are_transformed_once_per_fold():
    texts = [word * (i % 3 + 1) for i, word in enumerate(["red apple ", "blue sky ", "green "] * 8)]
    y = np.arange(24) % 3
    pipeline = make_pipeline(TfidfVectorizer(), classifier())
    ours, theirs = search_both(
        VectorizedGridSearchCV,
        GridSearchCV,
        pipeline,
        {"deepmlpclassifier__alpha": [0.1, 1.0]},
        texts,
        y,
        cv=3,
        scoring="neg_log_loss",
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


@pytest.mark.usefixtures("_all_stacked")
def test_estimators_as_values_share_a_stack():
    X, y = data("classes")
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", classifier())])
    space = {"mlp": [classifier(alpha=0.1), classifier(alpha=1.0)]}
    ours, theirs = search_both(VectorizedGridSearchCV, GridSearchCV, pipeline, space, X, y, cv=3)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
