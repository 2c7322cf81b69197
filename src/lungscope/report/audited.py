"""What `lungscope audit` found about a run, read back from `audit.json`."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungscope.audit.finding import Finding, Verdict
from lungscope.data.split import Split, Subset
from lungscope.errors import LungscopeError
from lungscope.estimate import Estimate
from lungscope.report.reading import count, estimate, number, results_of, subset, text

GRAVITY: tuple[Verdict, ...] = ("fail", "warn", "pass", "not-measured")
"""Verdicts, the gravest first."""


@dataclass(frozen=True)
class Baseline:
    """What can be had without the lung.

    Attributes:
        title: for people, e.g. "border alone".
        sees: what it is shown, a sentence.
        accuracy: on the same images as the model's.
    """

    title: str
    sees: str
    accuracy: Estimate


@dataclass(frozen=True)
class Mistake:
    """A wrongly classified image.

    Attributes:
        file: its name.
        source: where it comes from; None where that is unknown.
        true: its class.
        predicted: the class that it was given.
        probability: of the predicted class.
    """

    file: str
    source: str | None
    true: str
    predicted: str
    probability: float


@dataclass(frozen=True)
class Audit:
    """The part of an audit that is reported.

    Attributes:
        weights_sha256: of the model; empty if the file does not name it.
        subset: of the split that was audited.
        images, groups: how many of them.
        findings: the gravest first, else in the audit's order.
        baselines: in the audit's order.
        mistakes: the worst first.
    """

    weights_sha256: str
    subset: Subset
    images: int
    groups: int
    findings: tuple[Finding, ...]
    baselines: tuple[Baseline, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def counted(self) -> dict[Verdict, int]:
        """How many findings there are of each verdict that occurs, the gravest first."""
        found = Counter(finding.verdict for finding in self.findings)
        return {verdict: found[verdict] for verdict in GRAVITY if found[verdict]}

    @property
    def concerns(self) -> tuple[Finding, ...]:
        """The findings that fail or warn."""
        return tuple(each for each in self.findings if each.verdict in {"fail", "warn"})


def read_audit(path: Path, split: Split) -> Audit:
    """Reads `audit.json`.

    Args:
        path: the file.
        split: of the run: the file must be about one of its subsets.

    Raises:
        LungscopeError: not found, damaged, or about other images than the split's.
    """
    with results_of(path, "lungscope audit RUN --force") as value:
        audit = _audit(value)
    expected = len(split.subset(audit.subset))
    if audit.images != expected:
        raise LungscopeError(
            f"{path}: is about {audit.images} {audit.subset} images, but the run's split has "
            f"{expected}; audit anew with `lungscope audit RUN --force`"
        )
    return audit


def _audit(value: dict[str, Any]) -> Audit:
    found = [_finding(each) for each in value["findings"]]
    return Audit(
        weights_sha256=text(value.get("weights_sha256", "")),
        subset=subset(value["subset"]),
        images=count(value["images"]),
        groups=count(value["groups"]),
        findings=tuple(sorted(found, key=lambda finding: GRAVITY.index(finding.verdict))),
        baselines=tuple(_baseline(each) for each in value["baselines"]),
        mistakes=tuple(_mistake(each) for each in value["mistakes"]),
    )


def _finding(value: Any) -> Finding:
    if value["verdict"] not in GRAVITY:
        raise ValueError(f"verdict {value['verdict']!r:.40} is none of {', '.join(GRAVITY)}")
    return Finding(
        name=text(value["name"]),
        title=text(value["title"]),
        verdict=value["verdict"],
        statement=text(value["statement"]),
        threshold=text(value["threshold"]),
    )


def _baseline(value: Any) -> Baseline:
    return Baseline(text(value["title"]), text(value["sees"]), estimate(value["accuracy"]))


def _mistake(value: Any) -> Mistake:
    source, predicted = value["source"], text(value["predicted"])
    return Mistake(
        file=text(value["file"]),
        source=None if source is None else text(source),
        true=text(value["true"]),
        predicted=predicted,
        probability=number(value["probabilities"][predicted]),
    )
