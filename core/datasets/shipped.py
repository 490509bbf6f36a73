"""The tables that lie in scikit-learn's folder, read without importing it.

That import, mostly of scipy, was a third of the time in which a trainer starts, and one that meets
a classic dataset would need it for nothing else.
"""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Table = tuple[NDArray[np.float64], NDArray[np.int64]]  # (N, D) features, (N,) classes

_CSV = {"breast_cancer": "breast_cancer.csv", "wine": "wine_data.csv", "iris": "iris.csv"}


def shipped(name: str) -> Table:
    """What `sklearn.datasets.load_<name>(return_X_y=True)` gives, to the last bit."""
    if name in _CSV:
        return _headed(_folder() / _CSV[name])
    if name == "digits":
        numbers = np.loadtxt(_folder() / "digits.csv.gz", delimiter=",")
        return numbers[:, :-1], numbers[:, -1].astype(np.int64)
    # Scaled there when it is loaded, in a way that is better not repeated here.
    from sklearn import datasets

    table: Table = getattr(datasets, f"load_{name}")(return_X_y=True)
    return table


def _headed(path: Path) -> Table:
    """A file whose first line tells its size and the classes; the class stands last in each row."""
    with path.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    features = np.array([row[:-1] for row in rows], np.float64)
    return features, np.array([row[-1] for row in rows], np.int64)


def _folder() -> Path:
    found = find_spec("sklearn")  # of a package without parents, so that nothing is imported
    assert found is not None, "scikit-learn is one of our dependencies"
    assert found.submodule_search_locations, "it is a package"
    return Path(found.submodule_search_locations[0]) / "datasets" / "data"
