"""A finding: one question about a run, its answer in a sentence, and what the answer means."""

from dataclasses import dataclass
from typing import Literal

RESULT = "audit.json"
"""The file of an audit's findings and measurements."""

Verdict = Literal["pass", "warn", "fail", "not-measured"]


@dataclass(frozen=True)
class Finding:
    """What was found about one question.

    Attributes:
        name: for programs, e.g. "thumbnail-baseline".
        title: for people: the question.
        verdict: "fail" if the accuracy, or a heatmap, is not to be believed as it stands; "warn"
            if it has to be told along with the accuracy, among others that the images are too few
            to exclude a fault; "pass" if one was excluded; "not-measured" if the question cannot
            be asked of this model or these data.
        statement: the answer with its numbers.
        threshold: when it warns and when it fails.
    """

    name: str
    title: str
    verdict: Verdict
    statement: str
    threshold: str
