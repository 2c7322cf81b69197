"""What an audit found, and the file that it is kept in."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any

from lungscope.atomic import write_json
from lungscope.audit.check import list_checks
from lungscope.audit.finding import VERDICTS, AuditFigure, Finding, Verdict
from lungscope.data.split import Subset
from lungscope.errors import InvalidData, Remedy
from lungscope.estimate import Estimate
from lungscope.json_files import load_json, validate
from lungscope.text import format_quantity, html_table

RESULT = "audit.json"
"""Name of the file."""

_REMEDY: Remedy = "audit-again"


@dataclass(frozen=True)
class AuditReport:
    """The findings of an audit, and the measurements that they follow from.

    Attributes:
        weights_sha256: hash of the model's weights, 64 hexadecimal digits; empty if unknown.
        subset: the subset of the split that was audited.
        images: number of images in it.
        groups: number of groups in it.
        accuracy: proportion of its images that the model classifies correctly.
        findings: in the order of the checks.
        figures: likewise; each is a PNG in the folder `figures` beside the file.
        results: what each check measured, by the check's name; None where it did not apply. The
            result of a check that is not registered stays as it is in the file.
    """

    weights_sha256: str
    subset: Subset
    images: int
    groups: int
    accuracy: Estimate
    findings: tuple[Finding, ...]
    figures: tuple[AuditFigure, ...]
    results: Mapping[str, Any]

    @property
    def counts(self) -> dict[Verdict, int]:
        """Number of findings of each verdict that occurs, the most severe first."""
        found = Counter(finding.verdict for finding in self.findings)
        return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}

    @property
    def by_severity(self) -> tuple[Finding, ...]:
        """The findings, the most severe first, else in the order of the checks."""
        return tuple(sorted(self.findings, key=lambda each: VERDICTS.index(each.verdict)))

    @property
    def concerns(self) -> tuple[Finding, ...]:
        """The findings that fail or warn, the most severe first."""
        return tuple(each for each in self.by_severity if each.verdict in {"fail", "warn"})

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts.items())
        images = format_quantity(self.images, f"{self.subset} image")
        return f"AuditReport({images}: {counts or 'no findings'})"

    def _repr_html_(self) -> str:
        rows = [(each.verdict, each.title, each.statement) for each in self.by_severity]
        images = format_quantity(self.images, f"{self.subset} image")
        return html_table(("verdict", "question", "answer"), rows, caption=images)

    def to_json(self) -> dict[str, Any]:
        """Returns the content of `audit.json`."""
        results = {
            name: asdict(result)
            if is_dataclass(result) and not isinstance(result, type)
            else result
            for name, result in self.results.items()
        }
        return {
            "weights_sha256": self.weights_sha256,
            "subset": self.subset,
            "images": self.images,
            "groups": self.groups,
            "accuracy": asdict(self.accuracy),
            "findings": [asdict(each) for each in self.findings],
            "figures": [asdict(each) for each in self.figures],
            "results": results,
        }

    def save(self, folder: Path) -> None:
        """Writes `audit.json` into a folder, whole or not at all.

        Raises:
            Inaccessible: it cannot be written.
        """
        write_json(folder / RESULT, self.to_json())

    @classmethod
    def load(cls, folder: str | Path) -> "AuditReport":
        """Reads an audit that was written.

        Args:
            folder: of the audit, e.g. "runs/lung/audit".

        Raises:
            NotFound: there is none.
            InvalidData: it is damaged, or was written by another version.

        Examples:
            >>> import lungscope as ls
            >>> ls.AuditReport.load("nowhere")
            Traceback (most recent call last):
            ...
            lungscope.errors.NotFound: nowhere/audit.json: No such file or directory; ...
        """
        path = Path(folder) / RESULT
        found = load_json(path, cls, _REMEDY)
        if not 0 <= found.groups <= found.images:
            raise InvalidData(
                f"{path}: damaged ({found.groups} groups of {found.images} images)", remedy=_REMEDY
            )
        known = {check.name: check.result for check in list_checks()}
        results = {
            name: validate(result, known[name], path, _REMEDY, f"results.{name}")
            if name in known and result is not None
            else result
            for name, result in found.results.items()
        }
        return replace(found, results=results)
