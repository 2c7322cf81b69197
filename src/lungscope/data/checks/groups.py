"""Images whose group (patient) is not known."""

from collections.abc import Sequence

from lungscope.data.checks.issue import DataIssue
from lungscope.text import format_count, format_quantity


def find_ungrouped(groups: Sequence[str | None]) -> list[DataIssue]:
    """Reports images without a group; `groups` has one of each image, None if it is not known."""
    without = groups.count(None)
    if not without:
        return []
    advice = (
        "if a patient has several images, name the patient of each in the column group of a "
        "table, or results will look better than they are"
    )
    if without == len(groups):
        text = f"no groups are known, so a split keeps near-duplicates alone together; {advice}"
        return [DataIssue("warning", "no-groups", text)]
    text = (
        f"{format_quantity(without, 'image')} of {format_count(len(groups))} have no group, and "
        f"each of them counts as a group of its own; {advice}"
    )
    return [DataIssue("warning", "incomplete-groups", text)]
