"""What must stay together: patients where they are known, look-alikes where they are not."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lungscope.data.duplicates import clusters
from lungscope.data.index import Index
from lungscope.data.survey import Survey


@dataclass(frozen=True)
class Grouping:
    """The group of every readable image.

    Attributes:
        of: file -> group name.
        by: what the groups are: "group column" or "near-duplicates".
    """

    of: Mapping[str, str]
    by: str


def group(index: Index, survey: Survey) -> Grouping:
    """Groups images by the index's group column, else by near-duplicates alone.

    Two named groups that share a picture (byte-equal or near-duplicate) become one: a patient
    that is listed twice must not sit on both sides of a split. An image without a group in a
    table that has the column is a group of its own.

    Args:
        index: the labelled images.
        survey: what `survey` found about them.
    """
    files = sorted(image.file for image in survey.readable)
    alike = clusters(survey)
    named = {entry.file: entry.group for entry in index.entries}
    has_column = any(named[file] for file in files)
    joined = join(
        [alike.get(file, file) for file in files], [named[file] or f"file:{file}" for file in files]
    )
    names: dict[int, str] = {}
    for file, component in zip(files, joined, strict=True):
        names.setdefault(component, named[file] or alike.get(file, file))
    return Grouping(
        of={file: names[component] for file, component in zip(files, joined, strict=True)},
        by="group column" if has_column else "near-duplicates",
    )


def join(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[int]:
    """Numbers the classes of "alike in the first or in the second naming, or both in turn".

    Args:
        first: a name for each of N things.
        second: another name for each of them.

    Returns:
        A number for each thing; two have the same one exactly if a chain of equal names links
        them.
    """
    names: dict[tuple[int, Hashable], int] = {}
    rows = [names.setdefault((1, name), len(names)) for name in first]
    columns = [names.setdefault((2, name), len(names)) for name in second]
    size = len(names)
    links = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(size, size))
    _, components = connected_components(links, directed=False)
    return [int(components[row]) for row in rows]
