"""What a check hands to the reader: findings with verdicts, and figures with captions."""

import re
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["pass", "warn", "fail", "not-measured"]

VERDICTS: tuple[Verdict, ...] = ("fail", "warn", "pass", "not-measured")
"""Every verdict, the most severe first."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Finding:
    """One question about a run, its answer in a sentence, and what the answer means.

    Attributes:
        name: identifier for programs, e.g. "thumbnail-baseline".
        title: the question, for people.
        verdict: "fail" if the accuracy, or a heatmap, cannot be trusted as it stands; "warn" if
            the finding has to be reported along with the accuracy, for example because there are
            too few images to exclude a problem; "pass" if a problem was excluded; "not-measured"
            if the question does not apply to this model or these data.
        statement: the answer with its numbers.
        threshold: when the finding warns and when it fails.
    """

    name: str
    title: str
    verdict: Verdict
    statement: str
    threshold: str

    def __str__(self) -> str:
        return f"{self.verdict}: {self.title} {self.statement}"


@dataclass(frozen=True)
class AuditFigure:
    """A figure that a check drew.

    Attributes:
        name: name of the PNG file without its suffix: lower-case words joined by hyphens.
        alt: what the figure shows, with its main numbers, for readers who cannot see it.
        caption: the text below the figure: what is drawn and how to read it.

    Raises:
        ValueError: `name` is anything but such words; it becomes part of a path.
    """

    name: str
    alt: str
    caption: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"figure name {self.name!r:.40} is not lower-case words and hyphens")
