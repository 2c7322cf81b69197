"""Classify files with an exported model: the bundled one, or one that `lungscope export` wrote."""

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungscope.errors import InvalidSetting, UnreadableImage
from lungscope.images import CHEST_RADIOGRAPHS, Policy, Radiograph, read, to_square
from lungscope.inference import abstention
from lungscope.inference.description import Description
from lungscope.inference.exported import BUNDLED_MODELS, DEFAULT_MODEL, ExportedModel
from lungscope.inference.gate import SQUARE, Gate, GateFinding
from lungscope.inference.prediction import Failure, ImageOrigin, Outcome, Prediction
from lungscope.inference.session import Session
from lungscope.parallel import cpu_count, map_files
from lungscope.text import html_table

AHEAD = 4
"""Files a thread that may be read before their turn, so that a slow one holds nobody up."""


class Classifier:
    """Classifies chest radiographs, and abstains where it cannot.

    Every image is classified by itself, by one thread, so that its answer does not depend on what
    else is asked. Several threads may use one classifier.

    Examples:
        >>> from lungscope import Classifier
        >>> classifier = Classifier.bundled()
        >>> classifier.classes
        ('Lung Opacity', 'Normal', 'Viral Pneumonia')
    """

    def __init__(self, model: ExportedModel, *, use_gate: bool = True) -> None:
        """Makes a model ready to classify.

        Args:
            model: what `lungscope export` wrote.
            use_gate: whether images that are not upright frontal chest radiographs, by the gate
                that ships with the package, get no class. A model that was exported without the
                gate, for another body part, never uses it.

        Raises:
            ModelDamaged: its graph or the gate's cannot be run.
        """
        self._model = model
        self._session = Session(model.graph)
        self._gate = Gate.bundled() if use_gate and model.thresholds.gate else None

    @classmethod
    def bundled(cls, name: str = DEFAULT_MODEL) -> "Classifier":
        """Loads a bundled model; each has a model card that says what it was trained on.

        Args:
            name: "robust", trained on radiographs of several hospitals, or "paper", on the paper's.

        Raises:
            InvalidSetting: no bundled model has this name.
        """
        if name not in BUNDLED_MODELS:
            raise InvalidSetting(
                f"{name!r:.40}: no bundled model has this name; give {' or '.join(BUNDLED_MODELS)}"
            )
        return cls.load(BUNDLED_MODELS[name])

    @classmethod
    def load(cls, folder: Path | str, *, use_gate: bool = True) -> "Classifier":
        """Loads a model that `lungscope export` wrote.

        Args:
            folder: of the exported model.
            use_gate: as in the constructor.

        Raises:
            NotFound: the folder or a file of it is missing.
            InvalidSetting: the folder is a run, or a checkpoint that is not exported.
            ModelDamaged: damaged or changed files.
        """
        return cls(ExportedModel.load(Path(folder)), use_gate=use_gate)

    def __repr__(self) -> str:
        return f"Classifier({self.description.identity}: {', '.join(self.classes)})"

    def _repr_html_(self) -> str:
        about = self.description
        rows = [
            ("model", about.identity),
            ("classes", ", ".join(self.classes)),
            ("input", f"{about.preprocessing.size} x {about.preprocessing.size} pixels"),
            ("temperature", f"{about.temperature:.3f}"),
        ]
        return html_table(("Classifier", ""), rows)

    @property
    def description(self) -> Description:
        """The model's description."""
        return self._model.description

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the outputs."""
        return self.description.classes

    def predict(self, file: Path | str, accept: Policy = CHEST_RADIOGRAPHS) -> Prediction:
        """Reads and classifies a file.

        Args:
            file: PNG, JPEG, TIFF, BMP, WebP or DICOM.
            accept: which DICOM images are read; `ANYTHING` for all.

        Raises:
            UnreadableImage: it is not a radiograph that can be read.

        Examples:
            >>> from lungscope import Classifier
            >>> prediction = Classifier.bundled().predict("xray.png")
            >>> list(prediction.probabilities)
            ['Lung Opacity', 'Normal', 'Viral Pneumonia']
        """
        return self.classify(read(file, accept))

    def classify(self, radiograph: Radiograph) -> Prediction:
        """Classifies a radiograph that is already read.

        Args:
            radiograph: pixels (H, W) float32 in [0, 1], bright is dense.
        """
        description = self.description
        square = to_square(radiograph, description.preprocessing.size)
        answer = self._session.answer(square[None, None])
        probabilities = dict(zip(self.classes, answer.probabilities[0].tolist(), strict=True))
        label = self.classes[int(answer.probabilities[0].argmax())]
        distance = float(self._model.reference.distance(answer.features)[0])
        seen = self._look(radiograph, square)
        cause = (
            abstention.find_implausibility(radiograph)
            or (None if seen is None else seen.cause)
            or self._model.thresholds.check(distance, probabilities)
        )
        return Prediction(
            file=radiograph.path,
            label=label if cause is None else None,
            probabilities=probabilities,
            cause=cause,
            distance=distance,
            model=description.identity,
            model_sha256=description.weights_sha256,
            origin=ImageOrigin.of(radiograph),
            activation_map=None if answer.activation_map is None else answer.activation_map[0],
            warnings=(
                *(() if seen is None else seen.warnings),
                *(() if radiograph.used_bits is None else ("rescaled",)),
            ),
        )

    def _look(self, radiograph: Radiograph, square: NDArray[np.uint8]) -> GateFinding | None:
        """What the gate sees, of the classifier's own square where that is the gate's too."""
        if self._gate is None:
            return None
        return self._gate.look(square if len(square) == SQUARE else to_square(radiograph, SQUARE))

    def predict_files(
        self,
        files: Iterable[Path | str],
        accept: Policy = CHEST_RADIOGRAPHS,
        workers: int | None = None,
    ) -> Generator[Outcome, None, None]:
        """Classifies many files, in their order, on all processors.

        Each thread decodes a file and classifies it, so that decoding and inference overlap; only
        a few images are in memory at once, however many files there are. A file that cannot be
        read is a `Failure`, and the others are done. For thousands of files, or for JPEG 2000,
        `predict_in_processes` is faster.

        Args:
            files: as for `predict`; taken as they are needed.
            accept: which DICOM images are read.
            workers: threads; None for one a processor that this process may use, counting its
                affinity and its container's limit.

        Raises:
            InvalidSetting: `workers` is below 1.
        """
        if isinstance(files, (str, Path)):
            raise InvalidSetting(f"{files}: one name, where a list of names is due")
        if workers is not None and workers < 1:
            raise InvalidSetting(f"{workers} workers: give 1 or more")
        count = workers or cpu_count()
        pool = ThreadPoolExecutor(count, thread_name_prefix="lungscope")
        waiting: deque[Future[Outcome]] = deque()
        coming = iter(files)
        try:
            for file in islice(coming, count * AHEAD):
                waiting.append(pool.submit(self.outcome, file, accept))
            while waiting:
                yield waiting.popleft().result()
                for file in islice(coming, 1):
                    waiting.append(pool.submit(self.outcome, file, accept))
        finally:
            pool.shutdown(cancel_futures=True)

    def outcome(self, file: Path | str, accept: Policy = CHEST_RADIOGRAPHS) -> Outcome:
        """Answers as `predict` does; a file that cannot be read is a `Failure`."""
        try:
            return self.predict(file, accept)
        except UnreadableImage as error:
            return Failure.of(error)


def predict_in_processes(
    model: Path,
    files: Sequence[Path],
    accept: Policy = CHEST_RADIOGRAPHS,
    workers: int | None = None,
    *,
    use_gate: bool = True,
) -> Generator[Outcome, None, None]:
    """Answers as `Classifier.predict_files` does, with the same answers in the same order.

    A script that calls this at its top level needs the usual `if __name__ == "__main__":`.

    Args:
        model: folder of an exported model.
        files: to be read.
        accept: which DICOM images are read.
        workers: processes; None for one a processor that this process may use.
        use_gate: as in the constructor of `Classifier`.

    Raises:
        LungscopeError: the model cannot be read, `workers` is below 1, or a process was killed.
    """
    return map_files(partial(_outcome, model, use_gate, accept), files, workers)


def _outcome(model: Path, use_gate: bool, accept: Policy, file: Path) -> Outcome:
    return _classifier(model, use_gate).outcome(file, accept)


@lru_cache(maxsize=1)
def _classifier(model: Path, use_gate: bool) -> Classifier:
    """The one classifier of a process."""
    return Classifier.load(model, use_gate=use_gate)
