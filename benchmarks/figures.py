"""Draws the README's figure: every candidate of a search on the digits, rung by rung.

python benchmarks/figures.py
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import MLPClassifier, SuccessiveHalvingSearchCV

TARGET = Path(__file__).parent / "rungs.png"


def curves(results: dict) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return the epochs and mean scores of each candidate."""
    ids = results["candidate_id"]
    columns = results["n_resources"], results["mean_test_score"]
    return {c: tuple(column[ids == c] for column in columns) for c in np.unique(ids)}


def main() -> None:
    """Search and draw."""
    X, y = load_digits(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), MLPClassifier(random_state=0))
    search = SuccessiveHalvingSearchCV(
        pipe, n_candidates=81, max_resources=81, n_jobs=2, random_state=0, verbose=1
    ).fit(X, y)
    figure, axes = plt.subplots(figsize=(7, 3.6), dpi=120)
    for epochs, scores in curves(search.cv_results_).values():
        won = len(epochs) == search.n_iterations_
        axes.plot(epochs, scores, "o-", color="C1" if won else "C0", alpha=1 if won else 0.35, ms=3)
    axes.set_xscale("log", base=3)
    axes.set_xticks(search.n_resources_, [str(n) for n in search.n_resources_])
    axes.set(xlabel="epochs trained", ylabel="cross-validated accuracy", ylim=(0.6, 1.0))
    axes.set_title(
        f"{search.n_candidates_[0]} networks, {search.plan_.epochs} epochs per fold", fontsize=10
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(TARGET)


if __name__ == "__main__":
    main()
