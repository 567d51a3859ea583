"""What the numbers of a search suggest to do next, in a sentence each."""

import math
from collections.abc import Iterator

from sktune.candidates import History, RungKey
from sktune.exceptions import count_causes
from sktune.report.data import SearchData
from sktune.report.optimism import Optimism
from sktune.schedules import best


def advice(data: SearchData, found: Optimism | None) -> list[str]:
    """Return what to do next, the most pressing first.

    Parameters
    ----------
    data : SearchData
        The search.
    found : Optimism or None
        How much its best score flatters, as far as that is known.
    """
    return [*_on_failures(data.history), *_on_training(data), *_on_noise(found)]


def _on_failures(history: History) -> Iterator[str]:
    errors = [report.error for report in history if report.error]
    if errors:
        causes = " ".join(count_causes(errors).split())
        yield f"{len(errors)} of {len(history.reports)} runs failed: {causes}."


def _on_training(data: SearchData) -> Iterator[str]:
    history, place = data.history, best(data.history)
    if place is None or not place.rung:
        return
    now = history.standing(place)
    before = history.standing(RungKey(place.candidate_id, place.bracket, place.rung - 1))
    scores = [report.score for report in history.folds(*place).values()]
    if now is None or before is None or len(scores) < 2:
        return
    mean = now.score
    error = math.sqrt(sum((s - mean) ** 2 for s in scores) / (len(scores) - 1) / len(scores))
    if now.score - before.score > 2 * error:
        yield (
            f"The best candidate still gained {now.score - before.score:.3g} at the last rung, "
            f"from {history.n_resources(place.bracket, place.rung - 1)} to "
            f"{history.n_resources(place.bracket, place.rung)} {data.resource}: a larger "
            "`max_resources` may pay."
        )


def _on_noise(found: Optimism | None) -> Iterator[str]:
    if found is not None and found.optimism > found.standard_error:
        yield (
            f"The best score is the highest of many and about {found.optimism:.3g} too high: "
            f"expect {found.estimate:.4g} on new rows, and judge by rows that were held out."
        )
