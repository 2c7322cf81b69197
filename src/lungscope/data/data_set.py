"""A data set as it is on disk, and several of them as one.

Several data sets become one with a common folder: the files of each keep the path below it, which
begins with the data set's own folder, so that all that follows knows one root. Groups are one
namespace: a patient of two data sets is one patient.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lungscope.data.class_folders import read_class_folders, step_in
from lungscope.data.labelled_file import LabelledFile
from lungscope.data.table import LABEL, TABLE, read_table
from lungscope.errors import InvalidData, InvalidSetting, NotFound


@dataclass(frozen=True)
class DataSet:
    """Labelled files below one folder, before classes are numbered.

    Attributes:
        root: the folder that files are relative to.
        rows: the files.
        ignored: files in class folders that are no images, relative to `root`.
        names: what it was read from: paths relative to `root` of the folders and tables. Empty for
            a single folder, which is `root` itself or steps into it.
        where: the table or folder that errors name.
    """

    root: Path
    rows: tuple[LabelledFile, ...]
    ignored: tuple[str, ...]
    names: tuple[str, ...]
    where: Path

    @classmethod
    def of_table(cls, table: Path, rows: Sequence[LabelledFile]) -> "DataSet":
        """Returns the data set that a table lists, in the table's folder."""
        names = () if table.name == TABLE else (table.name,)
        return cls(table.parent, tuple(rows), (), names, table)


def read_data_set(path: Path, label_column: str = LABEL) -> DataSet:
    """Reads a CSV table, a folder with a `metadata.csv`, or a folder of class folders.

    Args:
        path: the table or folder; one that holds nothing but another folder is stepped into.
        label_column: the table's column with the labels.

    Raises:
        NotFound: there is no such file or folder.
        InvalidSetting: another label column, where there is no table.
        InvalidData: a bad table or layout.
        OSError: it can't be read.
    """
    if path.is_file():
        return DataSet.of_table(path, read_table(path, label_column))
    if not path.is_dir():
        raise NotFound(f"{path}: not found; give a folder of class folders or a CSV table")
    root = step_in(path)
    if (root / TABLE).is_file():
        return DataSet.of_table(root / TABLE, read_table(root / TABLE, label_column))
    if label_column != LABEL:
        raise InvalidSetting(
            f"{root}: has no {TABLE}, so no column {label_column!r}; its labels are the names of "
            "its folders"
        )
    rows, ignored = read_class_folders(root)
    return DataSet(root, tuple(rows), ignored, (), root)


def join_data_sets(data_sets: Sequence[DataSet]) -> DataSet:
    """Joins data sets into one below the folder that they have in common.

    Columns that only some of them have are "" elsewhere. Where a data set names no source, it is
    the source of its images itself.

    Args:
        data_sets: one or more; one alone is returned as it is.

    Raises:
        InvalidData: they have no folder in common, or a file is in two of them.
    """
    if len(data_sets) == 1:
        return data_sets[0]
    # not resolved: links in one folder to data sets elsewhere are a way to join these
    roots = [Path(os.path.abspath(each.root)) for each in data_sets]  # noqa: PTH100
    root = _common_folder(roots)
    columns = tuple(
        dict.fromkeys(name for each in data_sets for row in each.rows for name, _ in row.columns)
    )
    rows: list[LabelledFile] = []
    ignored: list[str] = []
    names: list[str] = []
    for each, own in zip(data_sets, roots, strict=True):
        if own == root and not each.names:
            raise InvalidData(f"{each.where}: holds another of the data sets; give it alone")
        prefix = PurePosixPath(own.relative_to(root).as_posix())
        name = (prefix / each.names[0]) if each.names else prefix
        names.append(name.as_posix())
        source = None if any(row.source for row in each.rows) else name.with_suffix("").as_posix()
        rows += [
            row._replace(
                file=(prefix / row.file).as_posix(),
                source=row.source or source,
                columns=_fill(row.columns, columns),
            )
            for row in each.rows
        ]
        ignored += [(prefix / file).as_posix() for file in each.ignored]
    twice = [file for file, count in Counter(row.file for row in rows).items() if count > 1]
    if twice:
        raise InvalidData(
            f"{root / twice[0]}: is in two of the data sets; give each once, and none that lies "
            "inside another"
        )
    return DataSet(root, tuple(rows), tuple(sorted(ignored)), tuple(names), root)


def _common_folder(roots: Sequence[Path]) -> Path:
    try:
        root = Path(os.path.commonpath(roots))
    except ValueError:  # on two drives
        root = Path(roots[0].anchor)
    if root == Path(root.anchor):
        raise InvalidData(
            f"{roots[0]} and {roots[-1]}: have no folder in common; put them, or links to them, "
            "into one folder"
        )
    return root


def _fill(
    cells: tuple[tuple[str, str], ...], columns: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    known = dict(cells)
    return tuple((name, known.get(name, "")) for name in columns)
