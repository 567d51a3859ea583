"""Words of other libraries, and slips of the pen, are understood."""

import inspect
import pickle

import pytest
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier

from sktune import (
    AsyncHalvingSearchCV,
    ConvNetClassifier,
    HyperbandSearchCV,
    MLPClassifier,
    MLPRegressor,
    SuccessiveHalvingSearchCV,
)
from sktune.exceptions import InvalidSettingsError
from sktune.space import Space
from sktune.synonyms import meant

NETS = [MLPClassifier, MLPRegressor, ConvNetClassifier]
SEARCHES = [SuccessiveHalvingSearchCV, AsyncHalvingSearchCV, HyperbandSearchCV]

OF_NETS = {
    "learning_rate": "`lr`",
    "learning_rate_init": "`lr`",
    "LearningRate": "`lr`",
    "alpha": "`weight_decay`",
    "l2": "`weight_decay`",
    "epochs": "`max_epochs`",
    "max_iter": "`max_epochs`",
    "solver": "`optimizer`",
    "optimiser": "`optimizer`",
    "dropout_rate": "`dropout`",
    "seed": "`random_state`",
    "n_layers": "`depth`",
    "batchsize": "`batch_size`",
    "nonlinearity": "`activation`",
    "dropot": "`dropout`",
}
OF_SEARCHES = {
    "param_grid": "`param_distributions`",
    "search_spaces": "`param_distributions`",
    "max_epochs": "`max_resources`",
    "max_iter": "`max_resources`",
    "grace_period": "`min_resources`",
    "reduction_factor": "`factor`",
    "eta": "`factor`",
    "timeout": "`time_budget`",
    "metric": "`scoring`",
    "n_splits": "`cv`",
    "seed": "`random_state`",
    "max_resource": "`max_resources`",
}


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("word", OF_NETS)
def test_words_of_nets(kind, word):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{word}': did you mean"):
        kind(**{word: 1})
    with pytest.raises(TypeError, match=OF_NETS[word]):
        kind(**{word: 1})


@pytest.mark.parametrize("kind", NETS[:2])
@pytest.mark.parametrize("word", ["hidden_layer_sizes", "layer_sizes"])
def test_a_word_for_two_things(kind, word):
    with pytest.raises(TypeError, match="did you mean `depth` and `width`"):
        kind(**{word: (64,)})


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("word", OF_SEARCHES)
def test_words_of_searches(kind, word):
    with pytest.raises(TypeError, match=f"did you mean {OF_SEARCHES[word]}"):
        kind(SGDClassifier(), **{word: 1})


@pytest.mark.parametrize("kind", SEARCHES[:2])
@pytest.mark.parametrize("word", ["n_iter", "n_trials", "num_samples"])
def test_the_number_of_candidates(kind, word):
    with pytest.raises(TypeError, match="did you mean `n_candidates`"):
        kind(SGDClassifier(), **{word: 1})


def test_all_unknown_words_at_once():
    with pytest.raises(TypeError, match=r"(?s)param_distributions.*n_candidates"):
        SuccessiveHalvingSearchCV(SGDClassifier(), param_grid={}, n_iter=3)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("callbacks", "a skorch net does; its parameters are"),
        ("early_stopping", "is the search's part"),
        ("momentum", "'sgd' has a momentum of 0.9"),
    ],
)
def test_what_our_nets_do_without_is_told(word, said):
    with pytest.raises(TypeError, match=said):
        MLPClassifier(**{word: 1})
    with pytest.raises(InvalidSettingsError, match=said.partition(";")[0]):
        Space({word: [1]}).check_names(MLPClassifier())


def test_of_other_words_the_known_ones_are_listed():
    with pytest.raises(TypeError, match="'foo': its parameters are depth, width, dropout"):
        MLPClassifier(foo=1)
    assert meant("foo", ["lr", "width"]) == []


@pytest.mark.parametrize("kind", [*NETS, *SEARCHES])
def test_constructors_are_those_that_are_written(kind):
    parameters = inspect.signature(kind).parameters.values()
    assert all(p.kind is not p.VAR_KEYWORD for p in parameters)
    made = kind() if kind in NETS else kind(SGDClassifier(), {})
    assert [p.name for p in parameters] == list(inspect.signature(kind.__init__).parameters)[1:]
    assert sorted(made.get_params(deep=False)) == sorted(p.name for p in parameters)
    assert clone(made).get_params().keys() == made.get_params().keys()
    assert type(pickle.loads(pickle.dumps(made))) is kind
