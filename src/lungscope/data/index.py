"""Which images a data set has, and their labels.

An index is read from a folder of class folders, or from a CSV table
(`file,label[,group][,source]`, and any other column); a folder that holds a `metadata.csv` is read
by that table.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lungscope.data import classes
from lungscope.data.class_folders import read_class_folders, step_in
from lungscope.data.labelled_file import LabelledFile, is_below
from lungscope.data.table import LABEL, TABLE, read_table
from lungscope.errors import Inaccessible, InvalidData, InvalidSetting, NotFound
from lungscope.text import html_table


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
    def open(cls, path: str | Path, label_column: str = LABEL) -> "Index":
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
            root = step_in(path)
            table = root / TABLE
            if table.is_file():
                return cls.from_table(table, label_column)
            if label_column != LABEL:
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
            InvalidData: a class folder without images, fewer than two of them, or folders of
                subsets (train, test) in their place.
            Inaccessible: a folder can't be read.
        """
        root = Path(root)
        with _reading(root):
            rows, others = read_class_folders(root)
        return replace(_index(root, rows, root), ignored=others)

    @classmethod
    def from_table(cls, table: str | Path, label_column: str = LABEL) -> "Index":
        """Reads a CSV with the columns `file`, `label` and, if known, `group` and `source`.

        File names are relative to the table's folder. Other columns, such as age or view, are kept
        with the images: they are in `predictions.csv`.

        Args:
            table: the CSV.
            label_column: the column with the labels, where that is not `label`.

        Raises:
            InvalidData: a missing or repeated column, an empty cell or one too many, a file listed
                twice or outside the table's folder, fewer than two classes.
            Inaccessible: the table can't be read.
        """
        table = Path(table)
        with _reading(table):
            rows = read_table(table, label_column)
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
                LabelledFile(path.relative_to(root).as_posix(), str(label), group, source)
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
            LabelledFile(entry.file, label, entry.group, entry.source, entry.columns)
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


def _index(root: Path, rows: Sequence[LabelledFile], where: Path) -> Index:
    names = classes.merge([row.label for row in rows])
    known = tuple(sorted(set(names.values())))
    for row in rows:
        if not is_below(row.file) or not _is_text(row.file) or not _is_text(row.label):
            name = f"{row.file} ({row.label})"
            raise InvalidData(
                f"{where}: the name {name!a} is not UTF-8 or leads out of the folder; rename it"
            )
    if len(known) < 2:
        found = f"{len(known)} class{'' if len(known) == 1 else 'es'} found"
        if len(names) > 1:
            found += f" ({', '.join(sorted(names)[:4])} count as one name)"
        elif names:
            found += f" ({next(iter(names))})"
        raise InvalidData(f"{where}: {found}, at least two are needed")
    entries = (
        Entry(row.file, known.index(names[row.label]), row.group, row.source, row.columns)
        for row in rows
    )
    return Index(root, known, tuple(sorted(entries, key=lambda entry: entry.file)))


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
