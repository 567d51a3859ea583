"""Networks defined in a script or a notebook reach worker processes."""

import subprocess
import sys

SCRIPT = """
import torch
from sklearn.datasets import load_iris
from tests.user_nets import classifier
from sktune import SuccessiveHalvingSearchCV


class Mine(torch.nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, width), torch.nn.Linear(width, 3))

    def forward(self, X):
        return self.layers(X)


if __name__ == "__main__":
    X, y = load_iris(return_X_y=True)
    for n_jobs in (1, 2):
        search = SuccessiveHalvingSearchCV(
            classifier(Mine), {"lr": [0.01, 0.02]}, max_resources=4, factor=2, cv=2,
            n_jobs=n_jobs, random_state=0)
        print(search.fit(X, y).best_score_)
"""


def test_a_module_of_the_main_script(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "."},
    )
    one, two = done.stdout.split()
    assert one == two
