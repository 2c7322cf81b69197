"""Auditing a run: every check on its best checkpoint, written into a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lungscope.atomic import atomic_folder, refuse_occupied
from lungscope.audit.audit_report import RESULT, AuditReport
from lungscope.audit.check import list_checks
from lungscope.audit.context import AUDITED, Context
from lungscope.audit.finding import AuditFigure, Finding
from lungscope.data.index import Index
from lungscope.data.survey import survey_images
from lungscope.evaluation.run_evaluation import open_evaluated
from lungscope.progress import OnProgress, ignore
from lungscope.training.run import RunFolder

FIGURES = "figures"


def audit_run(
    run: RunFolder,
    index: Index,
    folder: Path,
    *,
    device: str = "cpu",
    force: bool = False,
    workers: int | None = None,
    cache_folder: Path | None = None,
    progress: Callable[[str], OnProgress] = lambda _: ignore,
) -> AuditReport:
    """Audits the best checkpoint on the test subset and writes findings, results and figures.

    Args:
        run: a run with a checkpoint.
        index: the data that it was trained on, as it is now.
        folder: `audit.json figures/` are written here, both or neither.
        device: "cpu" or "cuda".
        force: whether an audit that is already there is replaced.
        workers: processes that read files; one per processor by default.
        cache_folder: where decoded images are kept; the user's cache folder by default.
        progress: takes the name of a step and returns the function that its progress is
            reported to.

    Raises:
        NotFound: the run has no checkpoint.
        AlreadyExists: the folder holds an audit (unless `force`) or anything else.
        InvalidData: the data is not the split's.
    """
    refuse_occupied(folder, {RESULT, FIGURES}, "an audit", force=force)
    checkpoint, split, cache = open_evaluated(run, index.root, cache_folder)
    survey = survey_images(index, workers, progress("reading images"))
    context = Context.create(checkpoint, split, cache, index, survey, device, progress)
    with atomic_folder(folder) as new:
        report = run_checks(context, new / FIGURES)
        report.save(new)
    return report


def run_checks(context: Context, figures: Path | None = None) -> AuditReport:
    """Runs every registered check.

    Args:
        context: the model and its data.
        figures: the folder that figures are drawn into; none are drawn by default.
    """
    results: dict[str, Any] = {}
    findings: list[Finding] = []
    drawn: list[AuditFigure] = []
    for check in list_checks():
        result = results[check.name] = check.measure(context)
        findings.extend(check.conclude(result, context.performance))
        if figures is not None and check.draw is not None:
            drawn.extend(check.draw(result, context, figures))
    return AuditReport(
        weights_sha256=context.checkpoint.description.weights_sha256,
        subset=AUDITED,
        images=context.performance.images,
        groups=context.performance.groups,
        accuracy=context.performance.accuracy,
        findings=tuple(findings),
        figures=tuple(drawn),
        results=results,
    )
