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
from lungscope.data.class_folders import read_class_folders
from lungscope.data.data_set import DataSet, join_data_sets, read_data_set
from lungscope.data.labelled_file import LabelledFile, is_below
from lungscope.data.table import LABEL, read_table
from lungscope.errors import Inaccessible, InvalidData, InvalidSetting
from lungscope.text import html_table, list_some

DataPath = str | Path | Sequence[str | Path]
"""A folder of class folders or a CSV table, or several."""

MIN_CLASSES = 2
"""Classes that a classifier can be trained on; it can be evaluated on images of one."""


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
        classes: class names in alphabetical order; at least two, unless fewer were allowed.
        entries: at least one a class.
        ignored: files in class folders that are of no kind that is read, e.g. NIfTI.
        data_sets: paths below the root of what it was read from, in the order given, where that is
            not the root's own class folders or `metadata.csv`: of several data sets each.
    """

    root: Path
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    ignored: tuple[str, ...] = ()
    data_sets: tuple[str, ...] = ()

    @classmethod
    def open(
        cls, path: DataPath, label_column: str = LABEL, *, min_classes: int = MIN_CLASSES
    ) -> "Index":
        """Reads a CSV table, a folder with a `metadata.csv`, or a folder of class folders.

        A folder that holds nothing but one other folder is stepped into, as unpacked archives
        often are. Of several data sets, classes are matched by name and groups are one namespace;
        the root is the folder that they have in common, and the files of each begin with its own
        folder. A data set without sources is the source of its images itself.

        Args:
            path: the table or folder, or several.
            label_column: the table's column with the labels.
            min_classes: 2 to train; 1 to evaluate, say on a hospital with normal images alone.

        Raises:
            NotFound: there is no such file or folder.
            InvalidSetting: another label column, where there is no table.
            InvalidData: an empty class folder, fewer than `min_classes`, a bad table, or data sets
                that share a file or have no folder in common.
            Inaccessible: it can't be read.

        Examples:
            >>> Index.open("xrays")
            Index('xrays': 60 images; Lung Opacity 20, Normal 20, Viral Pneumonia 20)
        """
        paths = [Path(path)] if isinstance(path, str | Path) else [Path(each) for each in path]
        if not paths:
            raise InvalidSetting("no data set is given; give a folder or a CSV table")
        found = []
        for each in paths:
            with _reading(each):
                found.append(read_data_set(each, label_column))
        return _from_data_set(join_data_sets(found), min_classes)

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
        return _from_data_set(DataSet(root, tuple(rows), others, (), root))

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
        return _from_data_set(DataSet.of_table(table, rows))

    @classmethod
    def from_files(
        cls,
        files: Sequence[str | Path],
        labels: Sequence[str],
        groups: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
        *,
        min_classes: int = MIN_CLASSES,
    ) -> "Index":
        """Makes an index of files that lie anywhere below one folder.

        Args:
            files: N image files.
            labels: class name of each, length N.
            groups: what must stay in one subset of a split (a patient) for each, if known.
            sources: where each comes from (a hospital), if known.
            min_classes: as for `open`.

        Raises:
            InvalidData: no files, other lengths, a file listed twice, or fewer than `min_classes`.
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
            min_classes,
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
        made = _index(self.root, rows, self.root)
        return replace(made, ignored=self.ignored, data_sets=self.data_sets)

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
        listed = list_some([f"{name} {counts[label]}" for label, name in enumerate(self.classes)])
        return f"Index({str(self.root)!r}: {len(self.entries)} images; {listed})"

    def _repr_html_(self) -> str:
        counts = Counter(entry.label for entry in self.entries)
        rows = [(name, counts[label]) for label, name in enumerate(self.classes)]
        return html_table(("class", "images"), rows, caption=str(self.root))


def _from_data_set(found: DataSet, min_classes: int = MIN_CLASSES) -> Index:
    made = _index(found.root, found.rows, found.where, min_classes)
    return replace(made, ignored=found.ignored, data_sets=found.names)


def _index(
    root: Path, rows: Sequence[LabelledFile], where: Path, min_classes: int = MIN_CLASSES
) -> Index:
    names = classes.merge([row.label for row in rows])
    known = tuple(sorted(set(names.values())))
    for row in rows:
        if not is_below(row.file) or not _is_text(row.file) or not _is_text(row.label):
            name = f"{row.file} ({row.label})"
            raise InvalidData(
                f"{where}: the name {name!a} is not UTF-8 or leads out of the folder; rename it"
            )
    if len(known) < min_classes:
        raise InvalidData(f"{where}: {_describe_classes(sorted(names))}")
    entries = (
        Entry(row.file, known.index(names[row.label]), row.group, row.source, row.columns)
        for row in rows
    )
    return Index(root, known, tuple(sorted(entries, key=lambda entry: entry.file)))


def _describe_classes(spellings: Sequence[str]) -> str:
    """Says what is wrong with fewer than two classes."""
    if not spellings:
        return "0 classes found, at least two are needed"
    if len(spellings) > 1:
        named = ", ".join(spellings[:4])
        return f"1 class found, at least two are needed: {named} are spellings of one name"
    return (
        f"a single class, {spellings[0]}; a classifier needs two or more: put the images of "
        "another class in a folder beside it, list them in the table, or give a second data set"
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
