"""One problem of a data set: a level and a code for programs, a sentence for people."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]
Code = Literal[
    "unreadable",
    "ignored-files",
    "unscaled-range",
    "folder-contradicts-label",
    "nested-class-folder",
    "images-left-out",
    "label-conflict",
    "byte-duplicates",
    "near-duplicates",
    "no-groups",
    "incomplete-groups",
    "class-by-source",
    "class-by-column",
    "class-by-format",
    "class-by-property",
]
"""What kind of issue was found."""


@dataclass(frozen=True)
class DataIssue:
    """One problem of a data set.

    Attributes:
        level: "error" if nothing should be trained on this data as it is, else "warning".
        code: the kind of issue, for programs.
        text: one sentence or two, for people; it may be reworded.
        subject: the column or property that the issue is about, if it is about one.
    """

    level: Level
    code: Code
    text: str
    subject: str | None = None
