"""Which images a data set has, and their labels.

An index is read from a folder of class folders, or from a CSV table
(`file,label[,group][,source]`, and any other column); a folder that holds a `metadata.csv` is read
by that table.
"""

import csv
import ntpath
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from lungscope.data import classes
from lungscope.errors import Inaccessible, InvalidData, InvalidSetting, NotFound
from lungscope.images.files import describe_others, is_image_file
from lungscope.text import html_table

TABLE = "metadata.csv"
_LABEL = "label"
_OWN = ("file", _LABEL, "group", "source")
_NOT_KEPT = re.compile(r"predicted|probability:.*|\s*")
"""Further columns of a table that are passed over: results have columns of these names."""

_PATIENT = re.compile(r"(patient|subject|person)([\s_-]*(id|nr|no|number|name))?", re.IGNORECASE)
IGNORED_FOLDERS = frozenset({"masks", "mask", "__macosx"})
"""Folders that hold no radiographs, wherever they are: segmentations, archive litter."""


@dataclass(frozen=True)
class Entry:
    """One labelled image.

    Attributes:
        file: path relative to the index's root, with forward slashes.
        label: position of its class in `Index.classes`.
        group: what must stay in one subset of a split (a patient, a study), if known.
        source: where the image comes from (a hospital, a data set), if known.
        columns: the further columns of the table, e.g. (("age", "child"), ("view", "AP")); the
            same ones for every entry of an index, "" where a cell is empty.
    """

    file: str
    label: int
    group: str | None = None
    source: str | None = None
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Index:
    """Labelled images below one folder, in the order of their file names.

    Attributes:
        root: the folder that every `Entry.file` is relative to.
        classes: class names in alphabetical order, at least two.
        entries: at least one a class.
        ignored: files in class folders that are of no kind that is read, e.g. NIfTI.
    """

    root: Path
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    ignored: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: str | Path, label_column: str = "label") -> "Index":
        """Reads a CSV table, a folder with a `metadata.csv`, or a folder of class folders.

        A folder that holds nothing but one other folder is stepped into, as unpacked archives
        often are.

        Args:
            path: the table or folder.
            label_column: the table's column with the labels.

        Raises:
            NotFound: there is no such file or folder.
            InvalidSetting: another label column, where there is no table.
            InvalidData: an empty class folder, fewer than two classes, or a bad table.
            Inaccessible: it can't be read.

        Examples:
            >>> Index.open("xrays")
            Index('xrays': 60 images; Lung Opacity 20, Normal 20, Viral Pneumonia 20)
        """
        path = Path(path)
        with _reading(path):
            if path.is_file():
                return cls.from_table(path, label_column)
            if not path.is_dir():
                raise NotFound(f"{path}: not found; give a folder of class folders or a CSV table")
            root = _step_in(path)
            table = root / TABLE
            if table.is_file():
                return cls.from_table(table, label_column)
            if label_column != _LABEL:
                raise InvalidSetting(
                    f"{root}: has no {TABLE}, so no column {label_column!r}; its labels are the "
                    "names of its folders"
                )
            return cls.from_folder(root)

    @classmethod
    def from_folder(cls, root: str | Path) -> "Index":
        """Reads a folder whose sub-folders are the classes, e.g. `Normal/`, `Lung_Opacity/`.

        Images may lie deeper. Hidden files and folders, folders named `masks`, and links to
        folders inside a class folder are passed over.

        Raises:
            InvalidData: a class folder without images, or fewer than two of them.
            Inaccessible: a folder can't be read.
        """
        root = Path(root)
        rows: list[Row] = []
        others: list[str] = []
        with _reading(root):
            for folder in _folders(root):
                found = list(_files(folder))
                files = [path for path in found if is_image_file(path)]
                others += [path.relative_to(root).as_posix() for path in set(found) - set(files)]
                if not files:
                    reason = f" ({describe_others(len(found))})" if found else ""
                    raise InvalidData(
                        f"{folder}: this class folder contains no images{reason}; add some or "
                        "remove it"
                    )
                rows += [
                    (path.relative_to(root).as_posix(), folder.name, None, None, ())
                    for path in files
                ]
        return replace(_index(root, rows, root), ignored=tuple(sorted(others)))

    @classmethod
    def from_table(cls, table: str | Path, label_column: str = "label") -> "Index":
        """Reads a CSV with the columns `file`, `label` and, if known, `group` and `source`.

        File names are relative to the table's folder. Other columns, such as age or view, are kept
        with the images: they are in `predictions.csv`.

        Args:
            table: the CSV.
            label_column: the column with the labels, where that is not `label`.

        Raises:
            InvalidData: a missing column, an empty cell, a file listed twice or outside the
                table's folder, fewer than two classes.
            Inaccessible: the table can't be read.
        """
        table = Path(table)
        try:
            with _reading(table), table.open(newline="", encoding="utf-8-sig") as handle:
                reader = csv.DictReader(handle, strict=True)
                columns = set(reader.fieldnames or ())
                missing = {"file", label_column} - columns
                if missing:
                    raise InvalidData(
                        f"{table}: column {' and '.join(sorted(missing))} missing; the table needs "
                        f"file,{label_column} and may have group,source{_hint(columns)}"
                    )
                _refuse_unused_patients(table, columns)
                further = [
                    name
                    for name in reader.fieldnames or ()
                    if name not in _OWN and not _NOT_KEPT.fullmatch(name)
                ]
                rows = [_row(table, reader.line_num, row, label_column, further) for row in reader]
        except (UnicodeDecodeError, csv.Error) as error:
            raise InvalidData(f"{table}: not a CSV table in UTF-8 ({error})") from error
        twice = [file for file, count in Counter(row[0] for row in rows).items() if count > 1]
        if twice:
            raise InvalidData(f"{table}: {twice[0]} is listed more than once")
        return _index(table.parent, rows, table)

    @classmethod
    def from_files(
        cls,
        files: Sequence[str | Path],
        labels: Sequence[str],
        groups: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
    ) -> "Index":
        """Makes an index of files that lie anywhere below one folder.

        Args:
            files: N image files.
            labels: class name of each, length N.
            groups: what must stay in one subset of a split (a patient) for each, if known.
            sources: where each comes from (a hospital), if known.

        Raises:
            InvalidData: no files, other lengths, a file listed twice, or fewer than two classes.
        """
        others = [each for each in (labels, groups, sources) if each is not None]
        if any(len(each) != len(files) for each in others):
            raise InvalidData(
                f"{len(files)} files with {len(labels)} labels: give one label (and group and "
                "source, if any) per file"
            )
        if not files:
            raise InvalidData("no files are given; give image files of two classes or more")
        paths = [Path(file).resolve() for file in files]
        if len(set(paths)) != len(paths):
            raise InvalidData("a file is listed more than once; list each image once")
        root = Path(os.path.commonpath([path.parent for path in paths]))
        nothing = [None] * len(paths)
        rows = zip(paths, labels, groups or nothing, sources or nothing, strict=True)
        return _index(
            root,
            [
                (path.relative_to(root).as_posix(), str(label), group, source, ())
                for path, label, group, source in rows
            ],
            root,
        )

    def path(self, entry: Entry) -> Path:
        """Returns the path of an entry's image."""
        return self.root / entry.file

    def with_labels(self, labels: Sequence[str | None]) -> "Index":
        """Returns the same images with other labels.

        Args:
            labels: class name of each entry, in their order; None leaves an image out.

        Raises:
            InvalidData: fewer than two classes are left.
        """
        rows = [
            (entry.file, label, entry.group, entry.source, entry.columns)
            for entry, label in zip(self.entries, labels, strict=True)
            if label is not None
        ]
        return replace(_index(self.root, rows, self.root), ignored=self.ignored)

    def without(self, files: Iterable[str]) -> "Index":
        """Returns the same index without some files.

        Raises:
            InvalidData: a class is left without images.
        """
        gone = frozenset(files)
        left = tuple(entry for entry in self.entries if entry.file not in gone)
        for label, name in enumerate(self.classes):
            if not any(entry.label == label for entry in left):
                raise InvalidData(f"{self.root}: class {name!r} has no readable image left")
        return replace(self, entries=left)

    def __repr__(self) -> str:
        counts = Counter(entry.label for entry in self.entries)
        listed = ", ".join(f"{name} {counts[label]}" for label, name in enumerate(self.classes))
        return f"Index({str(self.root)!r}: {len(self.entries)} images; {listed})"

    def _repr_html_(self) -> str:
        counts = Counter(entry.label for entry in self.entries)
        rows = [(name, counts[label]) for label, name in enumerate(self.classes)]
        return html_table(("class", "images"), rows, caption=str(self.root))


def is_below(file: str) -> bool:
    """Returns whether a path from a file's content stays below its folder, on every system."""
    drive, rest = ntpath.splitdrive(file)  # it knows both slashes, drives and network shares
    parts = rest.replace("\\", "/").split("/")
    is_named = parts[0] != "" and parts[-1] not in {"", "."}
    climbs = any(".." in part and not part.strip(". ") for part in parts)
    return is_named and not drive and not climbs and "\0" not in file


Row = tuple[str, str, str | None, str | None, tuple[tuple[str, str], ...]]


def _index(root: Path, rows: list[Row], where: Path) -> Index:
    names = classes.merge([row[1] for row in rows])
    known = tuple(sorted(set(names.values())))
    for file, label, *_ in rows:
        if not is_below(file) or not _is_text(file) or not _is_text(label):
            name = f"{file} ({label})"
            raise InvalidData(
                f"{where}: the name {name!a} is not UTF-8 or leads out of the folder; rename it"
            )
    if len(known) < 2:
        raise InvalidData(
            f"{where}: {len(known)} class{'' if len(known) == 1 else 'es'} found, at least two are "
            "needed; put each class's images in a folder of its name, or give a CSV table"
        )
    entries = (
        Entry(file, known.index(names[label]), group, source, columns)
        for file, label, group, source, columns in rows
    )
    return Index(root, known, tuple(sorted(entries, key=lambda entry: entry.file)))


def _row(
    table: Path,
    line: int,
    row: dict[str, str | None],
    label_column: str,
    further: Sequence[str],
) -> Row:
    file, label = (row.get("file") or "").strip(), (row.get(label_column) or "").strip()
    if not file or not label:
        raise InvalidData(f"{table}, line {line}: file and {label_column} must not be empty")
    if not is_below(file):
        raise InvalidData(f"{table}, line {line}: {file} must lie below the table's folder")
    return (
        PurePosixPath(file.replace("\\", "/")).as_posix(),
        label,
        (row.get("group") or "").strip() or None,
        (row.get("source") or "").strip() or None,
        tuple((name, (row.get(name) or "").strip()) for name in further),
    )


def _hint(columns: Iterable[str]) -> str:
    """Names the cause where a spreadsheet wrote the table with another separator."""
    found = next((sign for sign in (";", "\t") if any(sign in each for each in columns)), None)
    names = {";": "semicolons", "\t": "tabs", None: ""}[found]
    return f"; it seems to be separated by {names}: save it with commas" if names else ""


def _refuse_unused_patients(table: Path, columns: Iterable[str]) -> None:
    """A patient's images must not be spread over subsets because the column has another name."""
    if "group" in columns:
        return
    for column in sorted(columns):
        if _PATIENT.fullmatch(column.strip()):
            raise InvalidData(
                f"{table}: column {column!r} seems to name patients but would not be used; name it "
                "group to keep each one's images in one subset, or remove it"
            )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes of a file name that are not UTF-8
        return False
    return True


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise Inaccessible(f"{where}: cannot be read: {error.strerror or error}") from error


def _step_in(root: Path) -> Path:
    while True:
        folders = _folders(root)
        if len(folders) != 1 or (root / TABLE).is_file() or _has_images(root, folders[0]):
            return root
        root = folders[0]


def _has_images(*folders: Path) -> bool:
    return any(is_image_file(path) for folder in folders for path in folder.iterdir())


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not _is_ignored(path.name))


def _files(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error  # os.walk would pass over a folder that is closed to us

    for here, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not _is_ignored(name)]
        yield from (Path(here, name) for name in files if not name.startswith("."))


def _is_ignored(folder: str) -> bool:
    return folder.startswith(".") or folder.lower() in IGNORED_FOLDERS
