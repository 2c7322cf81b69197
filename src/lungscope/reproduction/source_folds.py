"""Which source is held out in each fold, and which cannot be: made once and stored."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from lungscope.atomic import write_json
from lungscope.data.duplicates import find_duplicates
from lungscope.data.index import Index
from lungscope.data.split import Split
from lungscope.data.splitting import hold_out_sources
from lungscope.data.survey import Survey
from lungscope.errors import InvalidData, NotFound
from lungscope.json_files import load_json

FOLDS = "sources-folds.json"
FORMAT = "lungscope-source-folds"
VERSION = 1

Refusal = Literal["removes-class", "too-few-groups"]
"""Why a source cannot be held out: what is left has no image of a class, or too few patients."""


@dataclass(frozen=True)
class SourceFold:
    """One source that is held out, and what is known of the rest.

    Attributes:
        name: name of the folder of its runs, e.g. "source-1"; no path is made of a source's name.
        source: the source.
        images: how many it has.
        refusal: why it cannot be held out; None if it can.
        removed: the classes that only it has.
    """

    name: str
    source: str
    images: int
    refusal: Refusal | None = None
    removed: tuple[str, ...] = ()

    def describe_refusal(self) -> str:
        """Says in one line why the source cannot be held out; "" if it can."""
        if self.refusal == "removes-class":
            only = " and ".join(self.removed)
            return f"it has all images of {only}, so leaving it out removes the class"
        if self.refusal == "too-few-groups":
            return "what is left has too few patients of a class to train and validate on"
        return ""


@dataclass(frozen=True)
class _FoldsFile:
    """What is stored beside the splits."""

    format: str
    version: int
    seed: int
    folds: tuple[SourceFold, ...]


def load_or_make_folds(
    folder: Path, seed: int, survey: Callable[[], tuple[Index, Survey]], *, force: bool = False
) -> tuple[tuple[SourceFold, Split | None], ...]:
    """Loads the folds of a folder; makes and stores them if there are none of this seed.

    Args:
        folder: folder of the reproduction.
        seed: of the division of the rest into training and validation.
        survey: reads the data set; called only if folds must be made.
        force: whether damaged files are replaced.

    Returns:
        Each source in alphabetical order with its split; None where it cannot be held out.

    Raises:
        InvalidData: fewer than two sources are known, or stored files are damaged.
    """
    path = folder / FOLDS
    if path.is_file():
        try:
            stored = load_json(path, _FoldsFile, "reproduce-again")
            if (stored.format, stored.version, stored.seed) == (FORMAT, VERSION, seed):
                return tuple(
                    (fold, None if fold.refusal else Split.load(_split_path(folder, fold)))
                    for fold in stored.folds
                )
        except (InvalidData, NotFound):
            if not force:
                raise
    index, surveyed = survey()
    made = make_folds_by_source(index, surveyed, seed)
    for fold, split in made:
        if split is not None:
            split.save(_split_path(folder, fold), overwrite=True)
    content: dict[str, Any] = {"format": FORMAT, "version": VERSION, "seed": seed}
    write_json(path, content | {"folds": [asdict(fold) for fold, _ in made]})
    return made


def make_folds_by_source(
    index: Index, survey: Survey, seed: int = 0
) -> tuple[tuple[SourceFold, Split | None], ...]:
    """Makes a split for each source: tested on it alone, trained on all others.

    Args:
        index: the labelled images.
        survey: what `survey_images` found about them.
        seed: of the division of the rest.

    Raises:
        InvalidData: fewer than two sources are known.
    """
    source_of = {entry.file: entry.source for entry in index.entries}
    images = survey.readable
    sources = sorted({name for image in images if (name := source_of[image.file]) is not None})
    if len(sources) < 2:
        raise InvalidData(
            f"{index.root}: fewer than two sources are named, so none can be left out; name the "
            "hospital of each image in the column source"
        )
    pairs = find_duplicates(survey)
    made: list[tuple[SourceFold, Split | None]] = []
    for number, source in enumerate(sources, start=1):
        left = {image.label for image in images if source_of[image.file] != source}
        removed = tuple(name for label, name in enumerate(index.classes) if label not in left)
        count = sum(source_of[image.file] == source for image in images)
        name = f"source-{number}"
        if removed:
            made.append((SourceFold(name, source, count, "removes-class", removed), None))
            continue
        try:
            split = hold_out_sources(index, survey, [source], seed=seed, duplicates=pairs)
        except InvalidData:
            made.append((SourceFold(name, source, count, "too-few-groups"), None))
        else:
            made.append((SourceFold(name, source, count), split))
    return tuple(made)


def choose_folds(
    folds: Sequence[tuple[SourceFold, Split | None]], sources: Sequence[str]
) -> tuple[tuple[SourceFold, Split | None], ...]:
    """Returns the folds of some sources, of all if none is named.

    Raises:
        NotFound: there is no such source.
    """
    known = [fold.source for fold, _ in folds]
    for source in sources:
        if source not in known:
            raise NotFound(f"no image of source {source!r:.60}; sources are {', '.join(known)}")
    return tuple(each for each in folds if not sources or each[0].source in sources)


def _split_path(folder: Path, fold: SourceFold) -> Path:
    return folder / fold.name / "split.json"
