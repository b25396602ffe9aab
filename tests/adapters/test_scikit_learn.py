"""Our predictors as regressors of scikit-learn."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator

from nasbench_kit.adapters.scikit_learn import PredictorRegressor
from nasbench_kit.errors import ArchitectureError, SettingError, UnknownNameError
from nasbench_kit.predictors import Data, model_class
from nasbench_kit.predictors.tune import seed_of

# The others fit floats, or sparse and odd arrays, or names of columns, none of which are architectures, and look for
# scikit-learn's own words in the errors.
APPLY = {
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_fit1d",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_non_transformer_estimators_n_iter",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_supervised_y_no_nan",
    "check_valid_tag_types",
}
FEW = {"rounds": 10}


@pytest.fixture(scope="module")
def data(cifar10):
    archs = cifar10.space.sample_many(np.random.default_rng(0), 100)
    return archs, cifar10.query_many(archs).value


@pytest.fixture(scope="module")
def regressor(cifar10):
    return PredictorRegressor(space=cifar10.space, settings=FEW)


@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn_that_fit_no_floats_pass(regressor):
    done = set()
    for estimator, check in estimator_checks_generator(regressor, mark="skip"):
        if getattr(check, "func", check).__name__ in APPLY:
            check(estimator)
            done.add(check.func.__name__)
    assert done == APPLY


def test_a_fitted_regressor_predicts_what_the_predictor_does(cifar10, data):
    archs, values = data
    made = PredictorRegressor("random_forest", cifar10.space, FEW, validation_fraction=0, random_state=7)
    scaled = (values - values.mean()) / values.std()
    itself = model_class("random_forest")(cifar10.space, FEW)
    order = np.random.default_rng(7).permutation(len(archs))
    nothing = Data(archs[:0], scaled[:0, None])
    itself.fit(Data(archs[order], scaled[order, None]), nothing, seed=seed_of(7, 0))
    expected = itself.predict(archs[:50])[:, 0] * values.std() + values.mean()
    assert made.fit(archs, values).predict(archs[:50]) == pytest.approx(expected, abs=1e-12)


def test_it_is_fitted_as_others_are(regressor, data):
    # what the checks that fit floats look for, on architectures
    (archs, values), made = data, clone(regressor)
    with pytest.raises(NotFittedError, match=r"not fitted yet"):
        made.predict(archs)
    before = archs.copy(), values.copy(), made.get_params()
    assert made.fit(archs, values) is made
    assert (archs == before[0]).all()
    assert (values == before[1]).all()
    assert made.get_params() == before[2]
    predicted = made.predict(archs)
    assert predicted.shape == values.shape
    assert (made.fit(archs, values).predict(archs) == predicted).all()
    assert (made.predict(archs[::-1])[::-1] == predicted).all()
    assert (made.predict(archs[:7]) == predicted[:7]).all()
    assert (pickle.loads(pickle.dumps(made)).predict(archs) == predicted).all()
    assert made.n_features_in_ == 6
    assert made.score(archs, values) > 0.6


def test_texts_and_tuples_are_the_same_architectures(cifar10, regressor, data):
    archs, values = data
    by_array = clone(regressor).fit(archs, values)
    by_text = clone(regressor).fit(cifar10.space.format_many(archs), values.tolist())
    tuples = [tuple(arch) for arch in archs.tolist()]
    assert (by_text.predict(tuples) == by_array.predict(archs)).all()


def test_cross_validation_and_a_grid_search_find_settings(regressor, data):
    archs, values = data
    scores = cross_val_score(regressor, archs, values, cv=2)
    assert (scores > 0.3).all()
    grid = {"settings": [{"rounds": 1}, {"rounds": 10}], "validation_fraction": [0, 0.1]}
    search = GridSearchCV(regressor, grid, cv=2).fit(archs, values)
    assert search.best_params_["settings"] == {"rounds": 10}
    assert search.best_estimator_.predict(archs[:2]).shape == (2,)
    ours = [*map(str, regressor.space.format_many(archs))]
    assert cross_val_score(regressor, ours, values, cv=2) == pytest.approx(scores)


def test_members_differ_and_their_spread_is_told(cifar10, data):
    archs, values = data
    made = PredictorRegressor(space=cifar10.space, settings=FEW, n_members=3).fit(archs, values)
    mean, std = made.predict(archs, return_std=True)
    each = np.stack([member.predict(archs)[:, 0] for member in made.members_]) * values.std() + values.mean()
    assert mean == pytest.approx(each.mean(axis=0))
    assert std == pytest.approx(each.std(axis=0))
    assert std.mean() > 0


def test_several_outputs_are_predicted_in_their_order(cifar10, data):
    archs, values = data
    both = np.stack([values, -1000 * values], axis=1)
    predicted = PredictorRegressor(space=cifar10.space, settings=FEW).fit(archs, both).predict(archs)
    assert predicted.shape == both.shape
    assert np.abs(predicted - both).mean(axis=0) == pytest.approx([0, 0], abs=50)
    assert np.corrcoef(predicted[:, 1], both[:, 1])[0, 1] > 0.8


@pytest.mark.parametrize(
    ("how", "error", "match"),
    [
        (
            {"space": None},
            SettingError,
            "^space=None; the space of the architectures expected, such as benchmark.space$",
        ),
        ({"space": "nasbench201"}, SettingError, "^space='nasbench201'; a space expected"),
        ({"model": "forest"}, UnknownNameError, r"^unknown model 'forest'; "),
        ({"settings": {"trees": 3}}, UnknownNameError, r"^unknown setting of random_forest 'trees'; "),
        ({"model": ["mlp"]}, SettingError, r"^model=\['mlp'\]; a name expected, one of gin, lightgbm, mlp"),
        (
            {"settings": ["rounds"]},
            SettingError,
            r"^settings=\['rounds'\]; a mapping of the model's settings expected$",
        ),
        ({"settings": "rounds=5"}, SettingError, r"^settings='rounds=5'; a mapping of the model's settings expected$"),
        ({"n_members": 0}, SettingError, "^n_members=0; an integer of at least 1 expected$"),
        (
            {"validation_fraction": 1},
            SettingError,
            "^validation_fraction=1; a share of at least 0 and below 1 expected$",
        ),
        ({"random_state": None}, SettingError, "^random_state=None; an integer of at least 0 expected$"),
    ],
)
def test_parameters_that_cannot_be_are_refused_when_it_is_fitted(regressor, data, how, error, match):
    with pytest.raises(error, match=match):
        clone(regressor).set_params(**how).fit(*data)


def test_what_is_no_data_is_refused_in_one_line(regressor, data):
    archs, values = data
    with pytest.raises(
        ArchitectureError, match=r"^an array of float64 is no batch of architectures; integers expected$"
    ):
        clone(regressor).fit(archs * 1.0, values)
    for wrong in (values[:-1], np.where(np.arange(100) == 3, np.nan, values), None):
        with pytest.raises(
            SettingError, match=r"^y of shape \(.*\) for 100 architectures; as many finite numbers expected$"
        ):
            clone(regressor).fit(archs, wrong)
    with pytest.raises(
        SettingError, match=r"^y=array\(\['a', 'a'\], .*; a finite number for each architecture expected$"
    ):
        clone(regressor).fit(archs[:2], np.array(["a", "a"]))
    with pytest.raises(SettingError, match=r"^X without architectures; at least one expected$"):
        clone(regressor).fit(archs[:0], values[:0])
    with pytest.raises(SettingError, match=r"^return_std=True with n_members=1; at least 2 have a spread$"):
        clone(regressor).fit(archs, values).predict(archs, return_std=True)
