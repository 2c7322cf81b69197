"""A scikit-learn estimator over image files, for those who compare it with others there."""

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError

from lungscope.api.run import Run
from lungscope.api.splitting import split
from lungscope.api.training import train
from lungscope.data.index import Index
from lungscope.errors import InvalidSetting
from lungscope.training.execution import Device
from lungscope.training.recipe import Recipe
from lungscope.training.recipes import PAPER_RECIPE


class RadiographEstimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    """Trains on image files and labels, and predicts class probabilities for image files.

    A tenth of the groups chooses the epoch and the temperature; another tenth is held out, so that
    `run_.evaluate()` gives an accuracy on images that had no part in the training.

    Args:
        recipe: how to train; the paper's recipe by default.
        folder: the run folder; a temporary one, which goes with the estimator, by default.
        seed: of the split.
        device: "auto", "cpu" or "cuda".

    Attributes:
        classes_: (K,) class names in the order of the probabilities.
        run_: the finished run.

    Examples:
        >>> from pathlib import Path
        >>> from lungscope import Recipe
        >>> from lungscope.estimator import RadiographEstimator
        >>> files = sorted(Path("xrays").rglob("*.png"))
        >>> labels = [file.parent.name for file in files]
        >>> recipe = Recipe(model="squeezenet1_1", weights="none", epochs=1, size=64)
        >>> classifier = RadiographEstimator(recipe).fit(files, labels)
        >>> classifier.predict_proba(files[:2]).shape
        (2, 3)
    """

    def __init__(
        self,
        recipe: Recipe = PAPER_RECIPE,
        folder: str | Path | None = None,
        seed: int = 0,
        device: Device = "auto",
    ) -> None:
        self.recipe = recipe
        self.folder = folder
        self.seed = seed
        self.device = device

    def fit(
        self, X: Sequence[str | Path], y: Sequence[str], groups: Sequence[str] | None = None
    ) -> "RadiographEstimator":
        """Trains on files.

        Args:
            X: N image files.
            y: class name of each.
            groups: group (patient) of each, whose images are kept in one subset. Without it,
                copies and near-duplicates alone are kept together.

        Raises:
            InvalidSetting: X is a single path.
            InvalidData: unreadable files, fewer than two classes, or a class with too few groups.
            AlreadyExists: `folder` holds a run.
        """
        index = Index.from_files(_files(X), [str(label) for label in y], groups)
        folder = self.folder
        if folder is None:
            temporary = tempfile.mkdtemp(prefix="lungscope-")
            weakref.finalize(self, shutil.rmtree, temporary, ignore_errors=True)
            folder = Path(temporary) / "run"
        chosen = split(index, seed=self.seed)
        self.run_: Run = train(index, chosen, folder, recipe=self.recipe, device=self.device)
        self._checkpoint = self.run_.checkpoint
        self.classes_ = np.array(chosen.classes)
        return self

    def predict_proba(self, X: Sequence[str | Path]) -> NDArray[np.float64]:
        """Returns calibrated class probabilities, (N, K), for N image files.

        Raises:
            InvalidSetting: X is a single path.
            UnreadableImage: a file is no radiograph that can be read.
            NotFittedError: `fit` was not called.
        """
        if not hasattr(self, "run_"):
            raise NotFittedError("RadiographEstimator is not fitted; call fit first")
        return np.array(
            [list(self._checkpoint.predict(file).probabilities.values()) for file in _files(X)]
        )

    def predict(self, X: Sequence[str | Path]) -> NDArray[np.str_]:
        """Returns the most probable class, (N,), for N image files; it never abstains."""
        probabilities = self.predict_proba(X)
        found: NDArray[np.str_] = self.classes_[probabilities.argmax(axis=1)]
        return found


def _files(X: Sequence[str | Path]) -> Sequence[str | Path]:
    if isinstance(X, str | Path):
        raise InvalidSetting(f"X is one path, {str(X)!r:.100}; give a list of paths")
    return X
