"""What is asked of a model on another data set, whether it is a run or an exported model."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from lungscope.data.overlap import hash_training_images
from lungscope.errors import UnreadableImage
from lungscope.evaluation.external import ModelFacts, ModelKind
from lungscope.images import read, to_square
from lungscope.inference.classifier import Classifier, predict_in_processes
from lungscope.inference.description import Description
from lungscope.inference.exported import find_model, load_training_images
from lungscope.inference.prediction import Failure, Outcome
from lungscope.inference.training_images import TrainingImages
from lungscope.models.checkpoint import Checkpoint
from lungscope.parallel import map_files
from lungscope.progress import OnProgress
from lungscope.training.loading import Batch
from lungscope.training.run import RECIPE, RunFolder
from lungscope.training.scoring import BATCH, compute_logits

MANY = 256
"""Files from which on processes, which take their time to start, are faster than threads."""

UNREADABLE = "unreadable"


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model makes of one file.

    Attributes:
        probabilities: (K,) of every class; None where the file could not be read.
        refusal: why there is no answer, as a code; None where there is one.
        reason: why the file could not be read, in one line.
    """

    probabilities: NDArray[np.float64] | None
    refusal: str | None = None
    reason: str = ""

    @classmethod
    def of(cls, outcome: Outcome) -> "Answer":
        """What an exported model's outcome is as an answer."""
        if isinstance(outcome, Failure):
            code = UNREADABLE if outcome.unwanted is None else f"unwanted-{outcome.unwanted}"
            return cls(None, code, outcome.reason)
        return cls(np.array(list(outcome.probabilities.values())), outcome.abstention)


class EvaluatedModel(Protocol):
    """A model that can be evaluated on any labelled data set."""

    @property
    def facts(self) -> ModelFacts:
        """Which model it is."""

    @property
    def results(self) -> Path | None:
        """The folder in which results of other data have a place of their own, if there is one."""

    def training_images(
        self, workers: int | None, on_progress: OnProgress
    ) -> TrainingImages | None:
        """What it was trained on; None where that is not known."""

    def answer(
        self, files: Sequence[Path], workers: int | None, on_progress: OnProgress
    ) -> Iterator[Answer]:
        """Answers for every file, in their order."""


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A run's best checkpoint. It does not abstain.

    Attributes:
        run: with a checkpoint.
        checkpoint: of the run.
        data: the folder of the images that it was trained on, if they are still there.
        device: "cpu" or "cuda".
    """

    run: RunFolder
    checkpoint: Checkpoint
    data: Path
    device: str

    @property
    def facts(self) -> ModelFacts:
        """Which model it is."""
        return _facts(self.checkpoint.description, "run")

    @property
    def results(self) -> Path | None:
        """The run folder."""
        return self.run.folder

    def training_images(
        self, workers: int | None, on_progress: OnProgress
    ) -> TrainingImages | None:
        """Hashes the images of its split."""
        salt = bytes.fromhex(self.checkpoint.description.weights_sha256)
        return hash_training_images([self.run.split], self.data, salt, workers, on_progress)

    def answer(
        self, files: Sequence[Path], workers: int | None, on_progress: OnProgress
    ) -> Iterator[Answer]:
        """Answers for every file, in their order."""
        description = self.checkpoint.description
        squares = map_files(
            partial(_read_square, description.preprocessing.size), files, workers, on_progress
        )
        with closing(squares):
            while batch := list(islice(squares, BATCH)):
                yield from self._answer_batch(batch)

    def _answer_batch(self, batch: Sequence[NDArray[np.uint8] | Failure]) -> Iterator[Answer]:
        description = self.checkpoint.description
        pixels = [each for each in batch if not isinstance(each, Failure)]
        probabilities: list[NDArray[np.float64]] = []
        if pixels:
            images = torch.from_numpy(np.stack(pixels)).unsqueeze(1)
            unlabelled = torch.zeros(len(pixels), dtype=torch.int64)
            logits = compute_logits(
                self.checkpoint.network,
                description.preprocessing,
                [Batch(images, unlabelled, unlabelled)],
                self.device,
            )
            tempered = torch.from_numpy(logits / description.temperature)
            probabilities = list(torch.softmax(tempered, dim=1).numpy())
        rest = iter(probabilities)
        for each in batch:
            yield Answer.of(each) if isinstance(each, Failure) else Answer(next(rest))


@dataclass(frozen=True, eq=False)
class ExportedFolder:
    """An exported model.

    Attributes:
        folder: of the model.
        classifier: loaded from it.
    """

    folder: Path
    classifier: Classifier

    @property
    def facts(self) -> ModelFacts:
        """Which model it is."""
        return _facts(self.classifier.description, "exported")

    @property
    def results(self) -> Path | None:
        """None: an exported model's folder is copied and installed, and is left as it is."""
        return None

    def training_images(
        self,
        workers: int | None,  # noqa: ARG002
        on_progress: OnProgress,  # noqa: ARG002
    ) -> TrainingImages | None:
        """Reads what it carries, if it carries that."""
        return load_training_images(self.folder, self.classifier.description)

    def answer(
        self, files: Sequence[Path], workers: int | None, on_progress: OnProgress
    ) -> Iterator[Answer]:
        """Answers for every file, in their order."""
        outcomes = (
            self.classifier.predict_files(files, workers=workers)
            if len(files) < MANY
            else predict_in_processes(self.folder, files, workers=workers)
        )
        with closing(outcomes):
            for done, outcome in enumerate(outcomes, start=1):
                on_progress(done, len(files))
                yield Answer.of(outcome)


def _facts(description: Description, kind: ModelKind) -> ModelFacts:
    return ModelFacts(
        identity=description.identity,
        weights_sha256=description.weights_sha256,
        kind=kind,
        classes=description.classes,
        temperature=description.temperature,
        abstains=kind == "exported",
    )


def _read_square(size: int, file: Path) -> NDArray[np.uint8] | Failure:
    try:
        return to_square(read(file), size)
    except UnreadableImage as error:
        return Failure.of(error)


def open_model(model: str | Path, data: Path | None = None, device: str = "cpu") -> EvaluatedModel:
    """Opens a model to be evaluated.

    Args:
        model: a run folder, the folder of an exported model, or the name of a bundled one.
        data: the folder of the images that a run was trained on; where they were by default.
        device: "cpu" or "cuda", for a run.

    Raises:
        NotFound: there is no such model, or the run has no checkpoint yet.
        InvalidSetting: the folder holds a checkpoint that is neither.
        ModelDamaged: damaged or changed files.
    """
    folder = find_model(model)
    if not (folder / RECIPE).is_file():
        return ExportedFolder(folder, Classifier.load(folder))
    run = RunFolder.open(folder)
    run.require_checkpoint()
    place = Path(run.facts["data"]) if data is None else data
    return TrainedRun(run, Checkpoint.load(run.checkpoint), place, device)
