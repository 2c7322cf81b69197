"""What `lungscope evaluate MODEL --on DATA` does and says."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.markup import escape
from rich.table import Table

from lungscope.about import DISCLAIMER
from lungscope.cli.terminal import Terminal
from lungscope.cli.training import warn_unfinished
from lungscope.data.index import Index
from lungscope.evaluation.evaluated_model import TrainedRun, open_model
from lungscope.evaluation.external import SOURCE, ExternalAssessment
from lungscope.evaluation.run_external import (
    ExternalEvaluation,
    ExternalSettings,
    choose_folder,
    evaluate_on,
    name_of,
)
from lungscope.report.external_page import describe_answers, describe_overlap, write_external_page
from lungscope.text import format_quantity
from lungscope.training.execution import Execution

if TYPE_CHECKING:
    from lungscope.estimate import Estimate
    from lungscope.progress import OnProgress


def evaluate_elsewhere(
    model: str,
    on: Path,
    out: Path | None,
    terminal: Terminal,
    settings: ExternalSettings,
    *,
    label_column: str,
    data: Path | None,
    device: Literal["auto", "cpu", "cuda"],
    force: bool,
) -> ExternalEvaluation:
    """Evaluates a model on another data set, writes the page, and prints the result."""
    execution = Execution(device)
    execution.prepare()
    index, name = Index.open(on, label_column, min_classes=1), name_of(on)
    trained_on = Index.open(data).root if data else None
    opened = open_model(model, trained_on, execution.accelerator)
    if isinstance(opened, TrainedRun):
        warn_unfinished(opened.run, "evaluated", terminal)
    folder = choose_folder(opened, name, out)
    with ExitStack() as bars:

        def progress(step: str) -> "OnProgress":
            return bars.enter_context(terminal.progress(step))

        found = evaluate_on(opened, index, name, folder, settings, force=force, progress=progress)
    page = write_external_page(found.assessment, folder)
    assessment, whole = found.assessment, found.assessment.forced.whole
    terminal.say(
        escape(
            f"{format_quantity(whole.images, 'image')} of {name} in "
            f"{format_quantity(whole.groups, 'group')}   model {assessment.model.identity}"
        )
    )
    terminal.say(escape(describe_overlap(assessment)))
    terminal.say(escape(describe_answers(assessment)))
    terminal.say(_by_source(assessment))
    if len(whole.recall) == 1:
        (only,) = whole.recall
        terminal.say(escape(f"Images of one class, {only}: AUROC is not defined."))
    terminal.say(escape(f"Wrote {folder} (external.json, predictions.csv, figures) and {page}."))
    terminal.say(DISCLAIMER)
    return found


def _by_source(assessment: ExternalAssessment) -> Table:
    normal = assessment.forced.whole.sick_auroc is not None
    table = Table("source", "images", "answered", "accuracy", "balanced accuracy", box=None)
    if normal:
        table.add_column("sick or not, AUROC")
    answered = {each.source: each.answered for each in assessment.answers}
    whole = assessment.forced.whole
    rows = [
        (part.value or "unknown", part, answered[part.value])
        for part in assessment.forced.parts[SOURCE]
    ]
    for name, part, count in (*rows, ("all", whole, sum(answered.values()))):
        cells = [part.accuracy, part.balanced_accuracy, *([part.sick_auroc] if normal else [])]
        table.add_row(
            escape(name), f"{part.images:,}", f"{count:,}", *(_cell(each) for each in cells)
        )
    return table


def _cell(estimate: "Estimate | None") -> str:
    return "" if estimate is None else f"{estimate.value:.3f} ({estimate.bounds()})"
