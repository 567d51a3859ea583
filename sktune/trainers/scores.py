"""Scores of a stack: one forward pass for all networks, then each network's own scorer.

The estimator that a scorer sees is the real one, except that its module plays back the outputs
that the stack has computed for the rows in question.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from skorch import NeuralNet
from torch import nn

from sktune.nets.classes import ClassTargets
from sktune.nets.sparse import AnyRows
from sktune.runs.kinds import kind_of
from sktune.runs.overrides import Treatment, own
from sktune.runs.run import measure, scored
from sktune.runs.scoring import reads_predictions_only
from sktune.stacking.outputs import answers_row_by_row, outputs
from sktune.trainers.member import Member
from sktune.trainers.stack import Stack

Measured = tuple[float, Mapping[str, float], Mapping[str, float]]


class Playback(nn.Module):
    """Answers with the rows of outputs in order, and again from the first when all are given."""

    def __init__(self, outputs: torch.Tensor) -> None:
        super().__init__()
        self.outputs, self.start = outputs, 0

    def forward(self, X: Any) -> torch.Tensor:
        """Return the next outputs, as many as there are rows."""
        start = self.start
        self.start = (start + len(X)) % len(self.outputs)
        return self.outputs[start : start + len(X)]


class StackScores:
    """The scores of a stack's members, whose training has ended."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._members = stack.members
        self.n_networks = len(stack.members)
        for row, member in enumerate(self._members):
            if member.error is None:
                with member.guarded():
                    member.end()
                    if not member.change:
                        stack.weights.load(row)
        self._outputs: dict[str, list[torch.Tensor] | None] = {}

    def of(self, row: int) -> Measured:
        """Return the measurements of a member."""
        member = self._members[row]

        def score(part: str) -> Mapping[str, float]:
            if part not in self._outputs:
                self._outputs[part] = self._computed(part)
            computed = self._outputs[part]
            if computed is None or member.change:
                return scored(member.job, member.net, part)
            with _playing(member.net, computed[row]):
                return scored(member.job, member.net, part)

        return measure(member.job, score)

    def _computed(self, part: str) -> list[torch.Tensor] | None:
        """Return the outputs of all members, None if their scorer needs more than predictions."""
        if not all(_reads_predictions(member) for member in self._members):
            return None
        known: dict[int, AnyRows | None] = {}
        rows = []
        for member in self._members:
            X = getattr(member.job.fold, part).X
            if id(X) not in known:
                known[id(X)] = kind_of(member.net).rows(member.net, X)
            rows.append(known[id(X)])
        whole = [X for X in rows if X is not None]
        if len(whole) < len(rows):
            return None
        is_sure = kind_of(self._members[0].net).answers_row_by_row
        if is_sure or answers_row_by_row(self._stack.programs, whole[0]):
            return outputs(self._stack.programs, whole)
        return None


def _reads_predictions(member: Member) -> bool:
    score = getattr(type(member.net), "score", None)
    is_own = any(own(member.net, Treatment.SCORED_ALONE)) or score not in _SCORES
    return reads_predictions_only(member.job.setup.scorer) and not is_own


_SCORES = (ClassifierMixin.score, RegressorMixin.score, ClassTargets.score)


@contextmanager
def _playing(net: NeuralNet, outputs: torch.Tensor) -> Iterator[None]:
    """Have a net answer with outputs that are known, for the length of a ``with`` block."""
    module = net.module_
    # skorch's __setattr__ would take it for a module of the user's.
    vars(net)["module_"] = Playback(outputs)
    try:
        yield
    finally:
        vars(net)["module_"] = module
