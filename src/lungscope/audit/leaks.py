"""Whether what was tested on was trained on: pictures and patients in two subsets of a split.

A split that lungscope made has neither. One that was made elsewhere, or before the table of
patients was put right, may have both; this looks at the pictures and the table as they are now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lungscope.data.duplicates import find_duplicates
from lungscope.data.index import Index
from lungscope.data.split import Split, Subset
from lungscope.data.survey import Survey


@dataclass(frozen=True)
class LeakedPair:
    """One picture in two subsets.

    Attributes:
        first, second: files, first < second.
        first_subset, second_subset: where they are.
        kind: "bytes" if the files are equal, "near" if only the pictures are: re-encoded, resized,
            cropped, mirrored or turned.
        correlation: of the pictures' detail, in [-1, 1]; about 1 if their pixels are the same.
    """

    first: str
    first_subset: Subset
    second: str
    second_subset: Subset
    kind: Literal["bytes", "near"]
    correlation: float


@dataclass(frozen=True)
class LeakedGroup:
    """One group in two subsets or three.

    Attributes:
        group: its name in the data's table.
        files: subset -> its files there, in the order of their names.
    """

    group: str
    files: dict[Subset, tuple[str, ...]]


@dataclass(frozen=True)
class Leaks:
    """What is in two subsets.

    Attributes:
        images: how many of the split's images were looked at.
        unseen: files of the split that the survey could not read or the data does not list.
        pairs: in the order of their names. Every image in two subsets is in one or more, not
            with each of its copies.
        grouped: how many of the images have a group in the data's table.
        groups: in the order of their names.
    """

    images: int
    unseen: tuple[str, ...]
    pairs: tuple[LeakedPair, ...]
    grouped: int
    groups: tuple[LeakedGroup, ...]

    @property
    def found(self) -> bool:
        """Whether there is any."""
        return bool(self.pairs or self.groups)


def find_leaks(index: Index, survey: Survey, split: Split) -> Leaks:
    """Looks for pictures and groups in two subsets.

    Args:
        index: the data as it is now, with its groups.
        survey: what `survey` found about it.
        split: the subsets; images that it does not list are passed over.
    """
    subsets = {entry.file: entry.subset for entry in split.entries}
    readable = {image.file for image in survey.readable}
    group_of = {
        entry.file: entry.group for entry in index.entries if entry.group and entry.file in subsets
    }
    return Leaks(
        images=len(readable & subsets.keys()),
        unseen=tuple(sorted(subsets.keys() - readable)),
        pairs=_pairs(survey, subsets),
        grouped=len(group_of),
        groups=_groups(group_of, subsets),
    )


def _pairs(survey: Survey, subsets: Mapping[str, Subset]) -> tuple[LeakedPair, ...]:
    listed = Survey(tuple(image for image in survey.readable if image.file in subsets), ())
    return tuple(
        LeakedPair(
            first=pair.first,
            first_subset=subsets[pair.first],
            second=pair.second,
            second_subset=subsets[pair.second],
            kind=pair.kind,
            correlation=pair.correlation,
        )
        for pair in find_duplicates(listed)
        if subsets[pair.first] != subsets[pair.second]
    )


def _groups(group_of: Mapping[str, str], subsets: Mapping[str, Subset]) -> tuple[LeakedGroup, ...]:
    files: dict[str, dict[Subset, tuple[str, ...]]] = {}
    for file, group in sorted(group_of.items()):
        there = files.setdefault(group, {})
        there[subsets[file]] = (*there.get(subsets[file], ()), file)
    return tuple(
        LeakedGroup(group, there) for group, there in sorted(files.items()) if len(there) > 1
    )
