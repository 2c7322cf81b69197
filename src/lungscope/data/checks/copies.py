"""Images that are in the data set more than once, and those of them with two labels."""

from collections.abc import Sequence

from lungscope.data.checks.issue import Code, DataIssue
from lungscope.data.duplicates import DuplicatePair
from lungscope.data.survey import Survey
from lungscope.text import format_quantity


def label_conflicts(survey: Survey, pairs: Sequence[DuplicatePair]) -> tuple[DuplicatePair, ...]:
    """Returns the pairs of files that show one image but have different labels.

    Args:
        survey: of the labelled images.
        pairs: what `find_duplicates` found in it.
    """
    label_of = {image.file: image.label for image in survey.readable}
    return tuple(pair for pair in pairs if label_of[pair.first] != label_of[pair.second])


def describe_conflicts(conflicts: Sequence[DuplicatePair]) -> str:
    """Says in one line, without a full stop, how many pairs are in two classes.

    Args:
        conflicts: one or more.
    """
    first = conflicts[0]
    return (
        f"{format_quantity(len(conflicts), 'pair')} of files with one image in two classes, "
        f"first {first.first} and {first.second}"
    )


def find_conflicts(survey: Survey, pairs: Sequence[DuplicatePair]) -> list[DataIssue]:
    """Reports images that are in two classes."""
    conflicts = label_conflicts(survey, pairs)
    if not conflicts:
        return []
    return [DataIssue("error", "label-conflict", describe_conflicts(conflicts))]


def find_copies(pairs: Sequence[DuplicatePair]) -> list[DataIssue]:
    """Reports files with equal bytes, and near-duplicates."""
    issues = []
    kinds: tuple[tuple[str, Code, str], ...] = (
        ("bytes", "byte-duplicates", "with equal bytes"),
        ("near", "near-duplicates", "that are near-duplicates"),
    )
    for kind, code, words in kinds:
        same = [pair for pair in pairs if pair.kind == kind]
        if same:
            first = same[0]
            text = (
                f"{format_quantity(len(same), 'pair')} of files {words}, first {first.first} and "
                f"{first.second}"
            )
            issues.append(DataIssue("warning", code, text))
    return issues
