"""Answers for very many files, by processes: no thread waits for another's turn in Python.

Decoding takes turns in Python several times an image, and some decoders of DICOM (JPEG 2000,
JPEG-LS, lossless JPEG) let no other thread run at all. A process takes half a second to start.
"""

from collections.abc import Generator, Sequence
from functools import lru_cache, partial
from pathlib import Path

from lungscope.images import CHEST_RADIOGRAPHS, Policy
from lungscope.inference.classifier import Classifier
from lungscope.inference.prediction import Outcome
from lungscope.parallel import map_files


def predict_in_processes(
    model: Path,
    files: Sequence[Path],
    accept: Policy = CHEST_RADIOGRAPHS,
    workers: int | None = None,
) -> Generator[Outcome, None, None]:
    """Answers as `Classifier.predict_files` does, with the same answers in the same order.

    A script that calls this at its top level needs the usual `if __name__ == "__main__":`.

    Args:
        model: folder of an exported model.
        files: to be read.
        accept: which DICOM images are read.
        workers: processes; None for one a processor that this process may use.

    Raises:
        LungscopeError: the model cannot be read, `workers` is below 1, or a process was killed.
    """
    return map_files(partial(_outcome, model, accept), files, workers)


def _outcome(model: Path, accept: Policy, file: Path) -> Outcome:
    return _classifier(model).outcome(file, accept)


@lru_cache(maxsize=1)
def _classifier(model: Path) -> Classifier:
    """The one classifier of a process."""
    return Classifier.load(model)
