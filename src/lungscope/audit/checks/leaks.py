"""Whether the model was tested on what it was trained on: images and groups in two subsets.

A split that lungscope made has neither. One that was made elsewhere, or before the table of
patients was corrected, may have both; this check reads the images and the table as they are now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lungscope.audit.check import Check, register_check
from lungscope.audit.context import Context
from lungscope.audit.finding import Finding, Verdict
from lungscope.audit.performance import Performance
from lungscope.data.duplicates import find_duplicates
from lungscope.data.index import Index
from lungscope.data.split import Split, Subset
from lungscope.data.survey import Survey
from lungscope.text import format_quantity


@dataclass(frozen=True)
class LeakedPair:
    """One image in two subsets.

    Attributes:
        first, second: the two files, first < second.
        first_subset, second_subset: the subsets that they are in.
        kind: "bytes" if the files are equal, "near" if only the images are: re-encoded, resized,
            cropped, mirrored or rotated.
        correlation: correlation of the images' fine detail, in [-1, 1]; about 1 if their pixels
            are the same.
    """

    first: str
    first_subset: Subset
    second: str
    second_subset: Subset
    kind: Literal["bytes", "near"]
    correlation: float


@dataclass(frozen=True)
class LeakedGroup:
    """One group in two or three subsets.

    Attributes:
        group: its name in the data's table.
        files: subset -> the group's files in it, sorted by name.
    """

    group: str
    files: dict[Subset, tuple[str, ...]]


@dataclass(frozen=True)
class Leaks:
    """Images and groups that are in two subsets of a split.

    Attributes:
        images: number of the split's images that were compared.
        unseen: files of the split that the survey could not read or the data does not list.
        pairs: images in two subsets, sorted by name. Each is in one or more pairs, not paired with
            every one of its copies.
        grouped: number of images with a group in the data's table.
        groups: groups in two subsets, sorted by name.
    """

    images: int
    unseen: tuple[str, ...]
    pairs: tuple[LeakedPair, ...]
    grouped: int
    groups: tuple[LeakedGroup, ...]

    @property
    def found(self) -> bool:
        """Whether any image or group is in two subsets."""
        return bool(self.pairs or self.groups)


def find_leaks(index: Index, survey: Survey, split: Split) -> Leaks:
    """Finds images and groups that are in two subsets.

    Args:
        index: the data as it is now, with its groups.
        survey: what `survey_images` found about the data.
        split: the subsets; images that it does not list are ignored.
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


def measure_leaks(context: Context) -> Leaks:
    """Finds images and groups of the audited split that are in two subsets."""
    return find_leaks(context.index, context.survey, context.split)


def conclude_leaks(leaks: Leaks, _: Performance) -> Sequence[Finding]:
    """Asks whether the test images are independent of the training images."""
    verdict: Verdict = "pass"
    if leaks.found:
        verdict = "fail"
    elif leaks.unseen or not leaks.grouped:
        verdict = "warn"
    said = [
        f"{format_quantity(len(leaks.pairs), 'image')} and "
        f"{format_quantity(len(leaks.groups), 'group')} in two "
        f"subsets ({format_quantity(leaks.images, 'image')} compared)."
    ]
    if leaks.pairs:
        said.append(f"The first pair: {leaks.pairs[0].first} and {leaks.pairs[0].second}.")
    if leaks.groups:
        said.append(f"The first group: {leaks.groups[0].group}.")
    if leaks.unseen:
        said.append(f"{format_quantity(len(leaks.unseen), 'file')} of the split could not be read.")
    if not leaks.grouped:
        said.append("The data names no patients: two radiographs of one are not recognised.")
    finding = Finding(
        "leaks",
        "Was the model tested on images that it was trained on?",
        verdict,
        " ".join(said),
        "Fails if an image (a copy or a near-duplicate) or a group is in two subsets; warns if "
        "files could not be read or no patients are named.",
    )
    return (finding,)


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


register_check(Check("leaks", Leaks, measure_leaks, conclude_leaks, order=40))
