"""A data set of phantoms on disk: class folders, a table, and a notice of what they are."""

import csv
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lungscope.atomic import new_folder
from lungscope.data.table import TABLE
from lungscope.errors import InvalidSetting
from lungscope.phantom.drawing import CLASSES, VISITS, draw_phantom, phantom_generator
from lungscope.progress import OnProgress, ignore

NOTICE = "PHANTOM.txt"


def write_phantoms(
    folder: str | Path,
    count: int,
    seed: int = 0,
    size: int = 256,
    on_progress: OnProgress = ignore,
    *,
    force: bool = False,
) -> Path:
    """Writes a data set of phantoms: class folders of 8-bit grey PNG files and a `metadata.csv`.

    A patient has one class and one to three images, all in one group. The classes' image counts
    differ by one at most. The folder appears under its name when it is complete, not before.

    Args:
        folder: the folder to create.
        count: number of images, >= 3.
        seed: seed of all random draws, >= 0; equal seeds give equal files.
        size: width and height of the images in pixels, 64 to 4096.
        on_progress: called after each image.
        force: whether phantoms that are already there are replaced.

    Returns:
        The folder.

    Raises:
        InvalidSetting: the folder holds something other than phantoms, or a number is out of range.
        AlreadyExists: it holds phantoms, and `force` is off.
        Inaccessible: the folder can't be written.

    Examples:
        >>> import tempfile
        >>> from lungscope.data.index import Index
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     folder = write_phantoms(f"{parent}/phantoms", 6, size=64)
        ...     Index.open(folder).classes
        ('Lung Opacity', 'Normal', 'Viral Pneumonia')
    """
    folder = Path(folder)
    if count < len(CLASSES):
        raise InvalidSetting(f"phantom: count {count} must be at least {len(CLASSES)}, one a class")
    if seed < 0:
        raise InvalidSetting(f"phantom: seed {seed} must not be negative")
    # Without the notice, images in folders of these names may be somebody's data.
    own = frozenset({*map(_folder_name, CLASSES), TABLE, NOTICE})
    replaceable = own if (folder / NOTICE).is_file() else frozenset()
    with new_folder(folder, "a set of phantoms", replaceable, force=force) as unfinished:
        _fill(unfinished, _visits(count, seed), size, on_progress)
    return folder


def _folder_name(label: str) -> str:
    return label.replace(" ", "_")


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
        name, number = _folder_name(label), 0
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
        (folder / _folder_name(label)).mkdir()
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
