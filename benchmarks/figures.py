"""Draws the README's figures: the learning curves of a search on the digits, and what mattered.

python benchmarks/figures.py
"""

from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import (
    HyperparametersDisplay,
    LearningCurvesDisplay,
    MLPClassifier,
    SuccessiveHalvingSearchCV,
)

FOLDER = Path(__file__).parent


def main() -> None:
    """Search and draw."""
    pipe = make_pipeline(StandardScaler(), MLPClassifier(random_state=0))
    search = SuccessiveHalvingSearchCV(
        pipe, n_candidates=81, max_resources=81, n_jobs=2, random_state=0, verbose=1, refit=False
    ).fit(*load_digits(return_X_y=True))
    _, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    LearningCurvesDisplay.from_search(search, ax=axes)
    n_networks, n_epochs = search.n_candidates_[0], search.plan_.epochs
    axes.set_title(f"{n_networks} networks, {n_epochs} epochs per fold", fontsize=10)
    axes.figure.savefig(FOLDER / "rungs.png", dpi=120)
    HyperparametersDisplay.from_search(search).figure_.savefig(FOLDER / "settings.png", dpi=90)


if __name__ == "__main__":
    main()
