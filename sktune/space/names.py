"""Names of an estimator's parameters, and which of them a name that is none of them stands for."""

import inspect
from collections.abc import Iterator
from functools import partial
from typing import Any

from sktune.space.steps import inner_net
from sktune.synonyms import meant, same_thing

# What a skorch net makes by calling what it is given, with arguments written `owner__name`.
_MADE = ("module", "optimizer", "criterion")


def known_names(estimator: Any) -> list[str]:
    """Return the names of all parameters, and of the arguments of what a skorch net makes."""
    path, net = inner_net(estimator)
    prefix, params = f"{path}__" if path else "", net.get_params(deep=False)
    below = [f"{prefix}{owner}__{n}" for owner in _MADE for n in arguments(params.get(owner))]
    return [*estimator.get_params(deep=True), *below]


def arguments(factory: Any) -> list[str]:
    """Return the names of the arguments of a class or function, or of an instance's class."""
    if isinstance(factory, str) or not callable(factory):
        return []
    is_factory = isinstance(factory, (type, partial)) or inspect.isroutine(factory)
    try:
        # A module given as an instance is rebuilt from its class when its arguments are set.
        return list(inspect.signature(factory if is_factory else type(factory)).parameters)
    except ValueError:  # what is written in C need not tell
        return []


def nearest(name: str, estimator: Any) -> list[str]:
    """Return the names of the parameters that a name probably stands for, if there are any.

    Its last word is looked for under every prefix, then words that mean the same, then those
    that are spelled alike.

    >>> from sklearn.pipeline import make_pipeline
    >>> from sktune import MLPClassifier
    >>> pipe = make_pipeline(MLPClassifier())
    >>> nearest("lr", pipe), nearest("mlpclassifier__learning_rate", pipe)
    (['mlpclassifier__lr'], ['mlpclassifier__lr'])
    """
    prefix, _, word = name.rpartition("__")
    order = _nearness(prefix, inner_net(estimator)[0])
    known: dict[str, str] = {}
    for candidate in sorted(known_names(estimator), key=order):
        known.setdefault(candidate.rpartition("__")[2], candidate)
    words = [word] if word in known else meant(word, known)
    return [known[w] for w in words]


def _nearness(prefix: str, path: str) -> Any:
    """Return a key that sorts names: those under the given prefix first, then the net's own."""

    def key(name: str) -> tuple[bool, bool, int]:
        owner = name.rpartition("__")[0]
        return owner != prefix or not prefix, owner != path, name.count("__")

    return key


def is_allotted(name: str, estimator: Any) -> bool:
    """Whether a name is a word for how long a network is trained, which the search decides."""
    words = same_thing(name.rpartition("__")[2])
    net = inner_net(estimator)[1]
    return hasattr(net, "max_epochs") and any("max_resources" in group for group in words)


def own_names(estimator: Any) -> Iterator[str]:
    """Yield the names of the parameters of the net at the heart of an estimator."""
    path, net = inner_net(estimator)
    yield from (f"{path}__{name}" if path else name for name in net.get_params(deep=False))
