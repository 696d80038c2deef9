"""AUROC of scikit-learn's and PyOD's scorers on the ADBench sets of a folder, as JSON: {set: {scorer: AUROC}}.

Fitted and scored on all rows, mean of 5 seeds where chance is in it, as bench/quality does with Ampwarden's scorers.
"""

import json
import pathlib
import sys
import warnings

import numpy
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.knn import KNN
from pyod.models.mcd import MCD
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

SEEDS = range(5)


def scorers(x: numpy.ndarray):
    """Yields each scorer's name and its scores, one list for each seed."""
    yield "forest", [
        -IsolationForest(n_estimators=100, max_samples=min(256, len(x)), random_state=seed).fit(x).score_samples(x)
        for seed in SEEDS
    ]
    yield "ecod", [ECOD().fit(x).decision_scores_]
    yield "copod", [COPOD().fit(x).decision_scores_]
    yield "knn", [KNN(n_neighbors=5).fit(x).decision_scores_]
    yield "mahalanobis", [MCD(random_state=seed).fit(x).decision_scores_ for seed in SEEDS]


def main(folder: str) -> None:
    # Sets without a clear half make the MCD warn at every step.
    warnings.simplefilter("ignore")
    answer = {}
    for path in sorted(pathlib.Path(folder).glob("*.npz")):
        data = numpy.load(path)
        x, y = data["X"].astype(float), data["y"].ravel().astype(int)
        answer[path.stem] = {
            name: float(numpy.mean([roc_auc_score(y, scores) for scores in runs])) for name, runs in scorers(x)
        }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
