import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import expon, kstest, loguniform, uniform
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import ParameterGrid, ParameterSampler, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import Choice, Float, Int, MLPClassifier, suggest_space
from sktune.exceptions import InvalidSettingsError
from sktune.space import Space
from tests.user_nets import classifier


class TestDimensions:
    @given(st.floats(1e-6, 1e6), st.floats(1.001, 1e6), st.booleans(), st.integers(0, 2**32 - 1))
    def test_floats_stay_within_their_bounds(self, low, ratio, log, seed):
        drawn = Float(low, low * ratio, log=log).rvs(50, random_state=seed)
        assert ((low <= drawn) & (drawn <= low * ratio)).all()

    @pytest.mark.parametrize(
        ("dimension", "law"),
        [
            (Float(2, 5), uniform(2, 3)),
            (Float(1e-4, 1e-1, log=True), loguniform(1e-4, 1e-1)),
        ],
    )
    def test_floats_follow_scipys_laws(self, dimension, law):
        assert kstest(dimension.rvs(5000, random_state=0), law.cdf).pvalue > 0.01

    @pytest.mark.parametrize("log", [False, True])
    def test_ints_reach_both_bounds(self, log):
        drawn = Int(1, 4, log=log).rvs(1000, random_state=0)
        counts = np.bincount(drawn)[1:]
        assert len(counts) == 4
        assert (np.diff(counts) < 0).all() == log

    def test_choices_are_of_any_type(self):
        options = [None, "a", (1, 2)]
        assert set(Choice(options).rvs(100, random_state=0)) == set(options)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: Float(1, 1),
            lambda: Float(0, 1, log=True),
            lambda: Float(0, float("inf")),
            lambda: Int(3, 2),
            lambda: Choice([]),
        ],
    )
    def test_bad_bounds_are_refused(self, make):
        with pytest.raises(InvalidSettingsError, match="must"):
            make()

    def test_all_mistakes_at_once(self):
        with pytest.raises(InvalidSettingsError, match=r"(?s)low < high.*log=True"):
            Float(-1, -2, log=True)

    def test_scikit_learns_searches_draw_from_them(self):
        X, y = np.random.RandomState(0).rand(30, 2), np.arange(30) % 2
        space = {
            "alpha": Float(1e-5, 1e-1, log=True),
            "max_iter": Int(5, 10),
            "penalty": Choice(["l2", "l1"]),
        }
        search = RandomizedSearchCV(SGDClassifier(tol=None), space, n_iter=3, random_state=0)
        assert search.fit(X, y).best_params_.keys() == space.keys()

    def test_repr_builds_the_object(self):
        for dimension in (Float(0.1, 1.0, log=True), Int(1, 3), Choice([1, 2])):
            assert eval(repr(dimension)) == dimension


class TestSpace:
    def test_known_values_are_those_that_tell_what_is_tried(self):
        space = Space([{"a": [1, "x"], "b": Int(1, 9)}, {"c": Float(0, 1), "d": expon()}])
        known = [("a", 1), ("a", "x"), ("b", 1), ("b", 9), ("c", 0.1), ("c", 0.9)]
        assert list(space.known_values()) == known

    def test_names_and_size(self):
        space = Space([{"a": [1, 2]}, {"a": [3], "b": Choice([4, 5])}])
        assert space.names == ["a", "b"]
        assert space.size == 4
        assert Space({"a": Float(0, 1)}).size is None

    def test_the_grid_is_scikit_learns(self):
        parts = [{"a": [1, 2], "b": ["x"]}, {"a": [3]}]
        assert Space(parts).grid() == list(ParameterGrid(parts))

    def test_the_draws_are_scikit_learns(self):
        space = {"a": loguniform(1e-3, 1), "b": [1, 2, 3], "c": uniform(0, 1)}
        draws = Space(space).draws(seed=5)
        expected = list(ParameterSampler(space, 20, random_state=5))
        assert [next(draws) for _ in range(20)] == expected

    def test_a_finite_space_ends_when_all_of_it_is_drawn(self):
        drawn = list(Space({"a": [1, 2, 3], "b": [4, 5]}).draws(seed=0))
        assert len(drawn) == 6
        assert {(d["a"], d["b"]) for d in drawn} == {(a, b) for a in (1, 2, 3) for b in (4, 5)}

    @pytest.mark.parametrize(
        ("given_", "message"),
        [
            ({"a": 3}, "write \\[3\\]"),
            ({"a": []}, "at least one value"),
            ({"a": "abc"}, "must be a list"),
            ([], "at least one dict"),
            ([3], "must be a dict"),
            ({3: [1]}, "no parameter name"),
        ],
    )
    def test_what_is_no_space_is_refused(self, given_, message):
        with pytest.raises(InvalidSettingsError, match=message):
            Space(given_)

    def test_all_mistakes_of_a_space_at_once(self):
        with pytest.raises(InvalidSettingsError, match=r"(?s)`a`=3.*`b`=\[\]"):
            Space({"a": 3, "b": []})

    def test_a_grid_of_distributions_is_refused(self):
        with pytest.raises(InvalidSettingsError, match="sampler='random'"):
            Space({"a": Float(0, 1)}).grid()

    def test_names_are_checked_with_a_hint(self):
        pipe = make_pipeline(StandardScaler(), MLPClassifier())
        with pytest.raises(InvalidSettingsError, match="did you mean `mlpclassifier__width`"):
            Space({"mlpclassifier__widht": [1]}).check_names(pipe)

    def test_names_that_only_the_candidate_can_tell_are_let_through(self):
        net = classifier()
        Space({"module__width": [1], "optimizer__weight_decay": [0.1]}).check_names(net)
        pipe = make_pipeline(StandardScaler(), net)
        searched = {"standardscaler": [None], "standardscaler__anything": [1]}
        Space(searched).check_names(pipe)
        with pytest.raises(InvalidSettingsError, match="`optimiser__x`"):
            Space({"optimiser__x": [1]}).check_names(net)


class TestSuggestSpace:
    def test_of_our_nets(self):
        space = suggest_space(make_pipeline(StandardScaler(), MLPClassifier()))
        names = ["batch_size", "depth", "dropout", "lr", "weight_decay", "width"]
        assert sorted(space) == [f"mlpclassifier__{name}" for name in names]

    def test_of_a_users_net(self):
        names = ["batch_size", "lr", "module__dropout", "module__width"]
        assert sorted(suggest_space(classifier())) == [*names, "optimizer__weight_decay"]
        plain = classifier(torch.nn.Linear, optimizer=torch.optim.Rprop)
        assert sorted(suggest_space(plain)) == ["batch_size", "lr"]

    def test_of_a_module_given_as_an_instance(self):
        net = classifier(classifier().initialize().module_)
        assert "module__width" in suggest_space(net)

    def test_of_something_else_is_refused(self):
        with pytest.raises(InvalidSettingsError, match="knows nothing to tune"):
            suggest_space(StandardScaler())
