"""Words of scikit-learn, Keras, Optuna and others for what is called otherwise here."""

import difflib
import inspect
from collections.abc import Callable, Collection
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")

# Each line is one thing; a word of several lines means several. A search asks with its own words
# and those of the estimator, of which it takes the first of each line that exists.
_GROUPS = [
    line.split()
    for line in (
        "lr learning_rate_init learning_rate initial_lr init_lr base_lr max_lr eta0 eta step_size",
        "lr_schedule scheduler lr_scheduler learning_rate_schedule lr_decay schedule",
        "weight_decay alpha l2 l2_reg l2_regularization kernel_regularizer reg_lambda reg wd"
        " regularization decay",
        "depth n_layers num_layers layers n_hidden_layers num_hidden_layers hidden_layers"
        " hidden_layer_sizes layer_sizes hidden_sizes n_blocks",
        "width hidden_size hidden_dim hidden_units units n_units num_units neurons n_neurons"
        " num_neurons hidden n_hidden dense_units hidden_layer_sizes layer_sizes hidden_sizes",
        "dropout dropout_rate dropout_prob dropout_p p_dropout drop_rate drop_prob p rate",
        "max_epochs max_iter max_resources epochs n_epochs num_epochs nb_epoch nb_epochs"
        " n_iterations num_train_epochs iterations max_budget max_t",
        "min_resources min_epochs min_budget grace_period",
        "batch_size mini_batch_size minibatch_size batch bs",
        "optimizer solver optimiser optim opt",
        "activation nonlinearity activation_function activation_fn hidden_activation act",
        "normalization batch_norm batch_normalization use_batch_norm layer_norm norm normalisation",
        "filters n_filters num_filters channels n_channels out_channels",
        "kernel_size filter_size kernel",
        "device gpu use_gpu use_cuda cuda",
        "random_state seed random_seed rng",
        "verbose verbosity",
        "n_candidates n_iter n_trials num_trials max_trials num_samples max_evals n_calls"
        " n_configs",
        "param_distributions param_grid param_space search_space search_spaces space params"
        " parameters hyperparameters distributions config",
        "factor eta reduction_factor aggressiveness halving_factor",
        "time_budget timeout max_time time_limit time_budget_s walltime_limit max_runtime",
        "scoring metric metrics scorer objective loss",
        "cv n_splits n_folds folds k",
        "n_jobs n_workers num_workers max_workers jobs",
        "estimator model net pipeline base_estimator",
        "patience n_iter_no_change early_stopping_rounds early_stopping",
        "storage directory path checkpoint_dir local_dir storage_path log_dir",
        "sampler search_method strategy algorithm algo tuner",
        "callbacks callback",
        "accuracy acc",
        "roc_auc auc auroc roc",
        "neg_log_loss log_loss logloss cross_entropy neg_cross_entropy",
        "neg_mean_squared_error mse mean_squared_error neg_mse",
        "neg_root_mean_squared_error rmse root_mean_squared_error neg_rmse",
        "neg_mean_absolute_error mae mean_absolute_error neg_mae",
        "r2 r2_score rsquared",
    )
]
# What our own nets and searches have no word for, and why.
_ABSENT = {
    "callbacks callback": "sktune's own nets take no callbacks, a skorch net does; ",
    "early_stopping n_iter_no_change validation_fraction early_stopping_patience": (
        "stopping early is the search's part, which gives poor networks few epochs; "
    ),
    "momentum nesterov nesterovs_momentum beta_1 betas": (
        "the optimizer 'sgd' has a momentum of 0.9, others are set in a skorch net; "
    ),
}


def _plain(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")


def same_thing(word: str) -> list[list[str]]:
    """Return, for each thing that a word can mean, the words for it, our own first.

    >>> [words[0] for words in same_thing("hidden_layer_sizes")]
    ['depth', 'width']
    """
    return [group for group in _GROUPS if _plain(word) in map(_plain, group)]


def meant(word: str, known: Collection[str]) -> list[str]:
    """Return which of the known words are meant by one that is not known.

    >>> meant("learningRate", ["lr", "random_state"]), meant("widht", ["lr", "width"])
    (['lr'], ['width'])
    """
    found = [next((w for w in group if w in known), "") for group in same_thing(word)]
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.7)
    return [w for w in found if w] or close


def absence(word: str) -> str:
    """Return why there is no such thing, empty if nothing is known of it."""
    return next((why for words, why in _ABSENT.items() if word in words.split()), "")


def says_what_is_meant(init: Callable[P, None]) -> Callable[P, None]:
    """Have a constructor say, of a keyword that it does not know, which of its own is meant."""
    known = list(inspect.signature(init).parameters)[1:]

    @wraps(init)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        unknown = [name for name in kwargs if name not in known]
        if unknown:
            kind = type(args[0]).__name__
            raise TypeError("\n".join(_unexpected(kind, name, known) for name in unknown))
        init(*args, **kwargs)

    return checked


def _unexpected(kind: str, name: str, known: list[str]) -> str:
    hint = did_you_mean(meant(name, known)) or absence(name)
    return (
        f"{kind}() got an unexpected keyword argument {name!r}: {hint}its parameters are "
        f"{', '.join(known)}."
    )


def did_you_mean(names: Collection[str]) -> str:
    """Return the question, empty if there is nothing to ask.

    >>> did_you_mean(["depth", "width"])
    'did you mean `depth` and `width`? '
    """
    return f"did you mean {' and '.join(f'`{name}`' for name in names)}? " if names else ""
