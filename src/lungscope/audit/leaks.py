"""Whether what was tested on was trained on: pictures and patients on two sides of a split.

A split that lungscope made has neither. One that was made elsewhere, or before the table of
patients was put right, may have both; this looks at the pictures and the table as they are now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lungscope.data.duplicates import duplicates
from lungscope.data.index import Index
from lungscope.data.split import Side, Split
from lungscope.data.survey import Survey


@dataclass(frozen=True)
class LeakedPair:
    """One picture on two sides.

    Attributes:
        first, second: files, first < second.
        first_side, second_side: where they are.
        kind: "bytes" if the files are equal, "near" if only the pictures are: re-encoded, resized,
            cropped, mirrored or turned.
        correlation: of the pictures' detail, in [-1, 1]; about 1 if their pixels are the same.
    """

    first: str
    first_side: Side
    second: str
    second_side: Side
    kind: Literal["bytes", "near"]
    correlation: float


@dataclass(frozen=True)
class LeakedGroup:
    """One group on two sides or three.

    Attributes:
        group: its name in the data's table.
        files: side -> its files there, in the order of their names.
    """

    group: str
    files: dict[Side, tuple[str, ...]]


@dataclass(frozen=True)
class Leaks:
    """What is on two sides.

    Attributes:
        images: how many of the split's images were looked at.
        unseen: files of the split that the survey could not read or the data does not list.
        pairs: in the order of their names. Every picture on two sides is in one or more, though not
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
    """Looks for pictures and groups on two sides.

    Args:
        index: the data as it is now, with its groups.
        survey: what `survey` found about it.
        split: the sides; images that it does not list are passed over.
    """
    sides = {entry.file: entry.side for entry in split.entries}
    readable = {image.file for image in survey.readable}
    group_of = {
        entry.file: entry.group for entry in index.entries if entry.group and entry.file in sides
    }
    return Leaks(
        images=len(readable & sides.keys()),
        unseen=tuple(sorted(sides.keys() - readable)),
        pairs=_pairs(survey, sides),
        grouped=len(group_of),
        groups=_groups(group_of, sides),
    )


def _pairs(survey: Survey, sides: Mapping[str, Side]) -> tuple[LeakedPair, ...]:
    listed = Survey(tuple(image for image in survey.readable if image.file in sides), ())
    return tuple(
        LeakedPair(
            first=pair.first,
            first_side=sides[pair.first],
            second=pair.second,
            second_side=sides[pair.second],
            kind=pair.kind,
            correlation=pair.correlation,
        )
        for pair in duplicates(listed)
        if sides[pair.first] != sides[pair.second]
    )


def _groups(group_of: Mapping[str, str], sides: Mapping[str, Side]) -> tuple[LeakedGroup, ...]:
    files: dict[str, dict[Side, tuple[str, ...]]] = {}
    for file, group in sorted(group_of.items()):
        there = files.setdefault(group, {})
        there[sides[file]] = (*there.get(sides[file], ()), file)
    return tuple(
        LeakedGroup(group, there) for group, there in sorted(files.items()) if len(there) > 1
    )
