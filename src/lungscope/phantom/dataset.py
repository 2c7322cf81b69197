"""A data set of phantoms on disk: class folders, a table, and a notice of what they are."""

import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lungscope.data.index import TABLE
from lungscope.errors import LungscopeError
from lungscope.phantom.drawing import CLASSES, VISITS, draw_phantom, phantom_generator
from lungscope.progress import OnProgress, ignore

NOTICE = "PHANTOM.txt"


def write_phantoms(
    folder: Path,
    count: int,
    seed: int = 0,
    size: int = 256,
    on_progress: OnProgress = ignore,
) -> Path:
    """Writes a data set of phantoms: class folders of 8-bit grey PNG files and a `metadata.csv`.

    A patient has one class and one to three images, all in one group. The classes' image counts
    differ by one at most. The folder appears under its name when it is complete, not before.

    Args:
        folder: where to; it must not exist, or be empty.
        count: number of images, >= 3.
        seed: which data set, >= 0.
        size: side of the images in pixels, 64 to 4096.
        on_progress: called after each image.

    Returns:
        The folder.

    Raises:
        LungscopeError: the folder holds something or can't be written, or a number is out of range.
    """
    if count < len(CLASSES):
        raise LungscopeError(f"phantom: count {count} must be at least {len(CLASSES)}, one a class")
    if seed < 0:
        raise LungscopeError(f"phantom: seed {seed} must not be negative")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise LungscopeError(
                f"{folder}: exists and is not empty; give the name of a new folder"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            unfinished = Path(scratch) / folder.name
            unfinished.mkdir()
            _fill(unfinished, _visits(count, seed), size, on_progress)
            if folder.exists():
                folder.rmdir()
            unfinished.rename(folder)
    except OSError as error:
        raise LungscopeError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return folder


@dataclass(frozen=True)
class _Visit:
    """One image to write: the class, the patient and which of the patient's images it is."""

    file: str
    label: str
    patient: int
    seed: int
    view: int


def _visits(count: int, seed: int) -> list[_Visit]:
    visits: list[_Visit] = []
    patient = 0
    for place, label in enumerate(CLASSES):
        left = count // len(CLASSES) + (place < count % len(CLASSES))
        name, number = label.replace(" ", "_"), 0
        while left:
            patient += 1
            rng = phantom_generator(seed, VISITS, patient)
            images, patient_seed = min(left, int(rng.integers(1, 4))), int(rng.integers(2**62))
            for view in range(images):
                number += 1
                file = f"{name}/{name}-{number:04d}.png"
                visits.append(_Visit(file, label, patient, patient_seed, view))
            left -= images
    return visits


def _fill(folder: Path, visits: list[_Visit], size: int, on_progress: OnProgress) -> None:
    for label in CLASSES:
        (folder / label.replace(" ", "_")).mkdir()
    for done, visit in enumerate(visits, start=1):
        phantom = draw_phantom(visit.label, visit.seed, size, visit.view)
        Image.fromarray(phantom.pixels).save(folder / visit.file)
        on_progress(done, len(visits))
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as handle:
        table = csv.writer(handle, lineterminator="\n")
        table.writerow(["file", "label", "group", "source"])
        table.writerows(
            [visit.file, visit.label, f"patient-{visit.patient:04d}", "phantom"] for visit in visits
        )
    (folder / NOTICE).write_text(
        "Synthetic chest radiographs drawn by lungscope, for demonstrations and tests.\n"
        "They show nobody, and carry no medical claim: a result on them says nothing about\n"
        "patients.\n",
        encoding="utf-8",
    )
