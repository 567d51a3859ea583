"""What becomes of each method of skorch's net that a user's class overrides.

A method of the user's own is what is called, or the network trains alone, or it is fitted anew at
each rung by its own ``fit``. Nothing of it is left out.
"""

from collections.abc import Iterator
from enum import Enum
from types import CodeType, FunctionType
from typing import Any

from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.dataset import Dataset

from sktune.nets import ConvNetClassifier, MLPClassifier, MLPRegressor


class Treatment(Enum):
    """What is done if a user's class has a method of its own."""

    CALLED = "it is called in stacks as alone"
    ALONE = "the network trains alone"
    SCORED_ALONE = "it is called in stacks, and each network is scored by itself"
    FITTED_ANEW = "the network is fitted by its own method, from the start at each rung"
    UNUSED = "training and scoring do not call it"


BARS_STACKS = (Treatment.ALONE, Treatment.FITTED_ANEW)


def _all(treatment: Treatment, names: str) -> dict[str, Treatment]:
    return dict.fromkeys(names.split(), treatment)


METHODS: dict[str, Treatment] = {
    **_all(Treatment.FITTED_ANEW, "fit partial_fit"),
    **_all(
        Treatment.ALONE,
        "fit_loop run_single_epoch train_step train_step_single get_train_step_accumulator "
        "on_batch_begin on_batch_end on_grad_computed get_all_learnable_params get_iterator "
        "get_dataset get_split_datasets torch_compile notify get_params_for "
        "get_params_for_optimizer",
    ),
    **_all(
        Treatment.SCORED_ALONE,
        "infer evaluation_step forward forward_iter predict predict_proba check_is_fitted",
    ),
    **_all(
        Treatment.CALLED,
        "initialize initialize_callbacks initialize_criterion initialize_history "
        "initialize_module initialize_optimizer initialize_virtual_params initialized_instance "
        "check_data check_training_readiness get_default_callbacks get_loss get_params "
        "on_epoch_begin on_epoch_end on_train_begin on_train_end set_params validation_step "
        "history classes_ score",
    ),
    **_all(
        Treatment.UNUSED,
        "get_metadata_routing load_params save_params set_fit_request set_partial_fit_request "
        "set_score_request trim_for_prediction",
    ),
}
_KNOWN_NETS = (
    *(NeuralNet, NeuralNetClassifier, NeuralNetBinaryClassifier, NeuralNetRegressor),
    *(MLPClassifier, MLPRegressor, ConvNetClassifier),
)
# As they were when this was read: a method that is replaced later is the user's.
_KNOWN = {
    (kind, name): part
    for net in _KNOWN_NETS
    for kind in net.__mro__
    for name, part in vars(kind).items()
}


def user_class(net: Any) -> Any:
    """Return the class of a net as the user wrote it."""
    return getattr(net, "user_class_", type(net))


def is_library(code: Any) -> bool:
    """Whether a class or a function is torch's, skorch's or ours."""
    return (getattr(code, "__module__", None) or "").partition(".")[0] in _LIBRARIES


_LIBRARIES = ("torch", "skorch", "sktune")


def is_own(kind: Any, name: str) -> bool:
    """Whether a class of nets has a method, or another attribute, not skorch's or ours.

    >>> class Net(NeuralNet):
    ...     def infer(self, x, **params):
    ...         return super().infer(2 * x, **params)
    >>> is_own(Net, "infer"), is_own(Net, "predict")
    (True, False)
    """
    return any(name in vars(base) and _is_users(base, name) for base in kind.__mro__)


def _is_users(kind: Any, name: str) -> bool:
    return vars(kind)[name] is not _KNOWN.get((kind, name))


def own(net: Any, *treatments: Treatment) -> Iterator[str]:
    """Yield the methods of a user's net that are not skorch's and are treated so.

    A private method of skorch's that is overridden may be part of anything: it trains alone.
    """
    in_class = _own_names(user_class(net))
    mine = in_class | replaced(net)
    yield from (name for name in METHODS if name in mine and METHODS[name] in treatments)
    if Treatment.ALONE in treatments:
        private = (n for n in vars(NeuralNet) if n.startswith("_") and not n.startswith("__"))
        yield from (name for name in private if name in in_class)


def _own_names(kind: Any) -> set[str]:
    """Return all that :func:`is_own` is true of."""
    # Of a whole class at once, since this is asked of each network that begins.
    parts = ((base, name, part) for base in kind.__mro__ for name, part in vars(base).items())
    return {name for base, name, part in parts if part is not _KNOWN.get((base, name))}


def replaced(net: Any) -> set[str]:
    """Return the methods of skorch's that a net has others for, in the net itself."""
    return {name for name in vars(net).keys() & METHODS.keys() if callable(vars(net)[name])}


def has_own_dataset(net: Any) -> bool:
    """Whether a user's net has a data set of the user's, which is given rows as they are."""
    return net.dataset is not Dataset or is_own(user_class(net), "get_dataset")


def own_code(net: Any) -> set[str]:
    """Return the names that the methods of a user's class make use of."""
    kinds = user_class(net).__mro__
    functions = (vars(k)[name] for k in kinds for name in vars(k) if _is_users(k, name))
    return set().union(*(_names(f.__code__) for f in functions if isinstance(f, FunctionType)))


def _names(code: CodeType) -> set[str]:
    inner = (_names(const) for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*inner)


def is_users_callback(callback: Any) -> bool:
    """Whether the class of a callback is the user's."""
    return not is_library(type(callback))


def fits_itself(net: Any) -> bool:
    """Whether a user's net has a ``fit`` of its own, which sees to all of a training."""
    return any(own(net, Treatment.FITTED_ANEW))
