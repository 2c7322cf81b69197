"""The table of held-out sources by model: `sources.csv`, `sources.json` and `sources.html`."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from lungscope.atomic import write_json, write_text
from lungscope.estimate import LEVEL, Estimate
from lungscope.evaluation.bootstrap import DRAWS
from lungscope.evaluation.parts import Part, measure_part
from lungscope.models import get_architecture
from lungscope.report.page import fill_html
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.runner import TrainedPart
from lungscope.reproduction.source_folds import SourceFold
from lungscope.text import format_quantity, html_table

TABLE = "sources"
FORMAT = "lungscope-sources"
VERSION = 1
State = Literal["complete", "not-started", "unfinished", "refused", "weights-unavailable", "failed"]


@dataclass(frozen=True)
class SourceRow:
    """A model that was trained without a source and tested on it alone.

    Attributes:
        source: the source.
        model: name of the architecture.
        state: how far it is; "refused" if the source cannot be held out.
        reason: why there are no numbers, one line, or "".
        images: how many images the source has.
        epochs, best_epoch: of the training; 0 if it is not done.
        measured: what was measured on the source; None if it is not done.
    """

    source: str
    model: str
    state: State
    reason: str
    images: int
    epochs: int = 0
    best_epoch: int = 0
    measured: Part | None = None

    @property
    def title(self) -> str:
        """The model's name as the paper spells it."""
        return get_architecture(self.model).title

    @property
    def pending(self) -> bool:
        """Whether running the same command again would continue."""
        return self.state in {"unfinished", "not-started"}


@dataclass(frozen=True, repr=False)
class SourceTable:
    """Models by the source that they were trained without.

    Attributes:
        plan: how they are trained.
        classes: class names.
        rows: sources in alphabetical order, of each the models in the plan's order.
        data: names of the data sets in words.
    """

    plan: Plan
    classes: tuple[str, ...]
    rows: tuple[SourceRow, ...]
    data: str

    @property
    def title(self) -> str:
        """Title of the table, with every departure from the paper's recipe."""
        return "; ".join(("Each source left out in turn", *self.plan.labels))

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes below the table, a sentence or two each."""
        return (
            "Each model is trained on all other sources and tested on this one alone; images of "
            "its patients in other sources are left out.",
            f"Intervals are {100 * LEVEL:.0f} % intervals over patients (groups): bootstrap, "
            f"{DRAWS} draws; Wilson's with fewer than 10 patients or without a misclassification.",
            "Recall is given for the classes that the source has. Sick or not: area under the ROC "
            "curve of 1 - P(Normal), where the source has both.",
            *(
                f"{row.source}, {row.title}: {row.reason}."
                for row in self.rows
                if row.reason and row.state != "refused"
            ),
            *dict.fromkeys(
                f"{row.source} is not left out: {row.reason}."
                for row in self.rows
                if row.state == "refused"
            ),
        )

    def __repr__(self) -> str:
        done = sum(row.state == "complete" for row in self.rows)
        return (
            f"SourceTable({self.data!r}: {done} of {format_quantity(len(self.rows), 'row')} done)"
        )

    def _repr_html_(self) -> str:
        rows = [
            (
                row.source,
                row.title,
                row.images,
                row.state.replace("-", " ") if row.measured is None else row.measured.accuracy,
            )
            for row in self.rows
        ]
        return html_table(("source", "model", "images", "accuracy"), rows, caption=self.title)

    def to_json(self) -> dict[str, Any]:
        """Returns the content of `sources.json`."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "title": self.title,
            "plan": self.plan.to_json(),
            "classes": self.classes,
            "rows": [asdict(row) for row in self.rows],
            "notes": self.notes,
        }


def make_source_row(
    fold: SourceFold,
    model: str,
    trained: TrainedPart | None,
    state: State,
    reason: str = "",
) -> SourceRow:
    """Makes a row of what is done; `state` counts where there are no predictions yet."""
    if trained is None:
        return SourceRow(fold.source, model, state, reason, fold.images)
    return SourceRow(
        fold.source,
        model,
        "complete",
        "",
        fold.images,
        len(trained.history),
        trained.best.epoch,
        measure_part(trained.predictions, fold.source),
    )


def write_source_table(table: SourceTable, folder: Path) -> None:
    """Writes the table in three formats, each file whole or not at all.

    Raises:
        Inaccessible: the folder can't be written to.
    """
    write_json(folder / f"{TABLE}.json", table.to_json())
    write_text(folder / f"{TABLE}.csv", _csv(table))
    write_text(folder / f"{TABLE}.html", fill_html("sources.html.j2", {"table": table}))


def _csv(table: SourceTable) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    recalls = [f"recall:{name}" for name in table.classes]
    metrics = ["accuracy", "overconfidence", *recalls, "sick_auroc"]
    ends = ("", "_low", "_high")
    writer.writerow(
        ["source", "model", "state", "reason", "images", "groups", "epochs", "best_epoch"]
        + [f"{metric}{end}" for metric in metrics for end in ends]
    )
    for row in table.rows:
        found = row.measured
        estimates: Sequence[Estimate | None] = (
            [None] * len(metrics)
            if found is None
            else [
                found.accuracy,
                found.overconfidence,
                *map(found.recall.get, table.classes),
                found.sick_auroc,
            ]
        )
        writer.writerow(
            [row.source, row.model, row.state, row.reason, row.images]
            + [found and found.groups, row.epochs or None, row.best_epoch or None]
            + [cell for each in estimates for cell in _cells(each)]
        )
    return text.getvalue()


def _cells(found: Estimate | None) -> list[float | None]:
    return [None] * 3 if found is None else [found.value, found.low, found.high]
