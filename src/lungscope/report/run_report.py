"""Writes the report of a run: the page `report.html` and the model card `model_card.md`."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lungscope.atomic import refuse_occupied, write_text
from lungscope.data.split import SUBSETS
from lungscope.estimate import Estimate
from lungscope.evaluation.calibration import CALIBRATION_TITLES
from lungscope.evaluation.discrimination import CLASS_METRICS, RATES
from lungscope.evaluation.metrics import METRICS
from lungscope.report import outcomes, statements
from lungscope.report.checklists.claim_2024 import fill_claim
from lungscope.report.checklists.tripod import fill_tripod
from lungscope.report.facts import RunFacts, Verb, compare_recipe, read_facts
from lungscope.report.illustrations import collect_audit_figures, collect_figures
from lungscope.report.page import fill_html, fill_markdown
from lungscope.training.run import RunFolder

REPORT = "report.html"
CARD = "model_card.md"

_CONTENTS = {
    "data": "Data and split",
    "training": "Recipe and training",
    "results": "Results",
    "calibration": "Calibration and thresholds",
    "audit": "Audit",
    "repeat": "How to repeat this",
    "limits": "Limits",
}

AUTHOR = {
    "Model details": "who made it, contact, licence of the weights",
    "Intended use": "intended users and setting",
    "Factors": "age, sex, device, projection and others that matter",
    "Training and evaluation data": "origin, licence and dates; how classes were determined",
    "Ethical considerations": "approval, consent, groups of people who may be harmed",
}
"""What only the author knows, by section of the model card."""


@dataclass(frozen=True)
class WrittenReport:
    """Where a report was written.

    Attributes:
        page: the HTML page.
        card: the model card.
        left_out: why results that are in the run are not on them, by the command that makes them.
    """

    page: Path
    card: Path
    left_out: Mapping[Verb, str]


@dataclass(frozen=True)
class Row:
    """A row of the headline: the model or a baseline, with its accuracy.

    Attributes:
        name: name of the model or the baseline.
        accuracy: its accuracy.
        own: whether it is the model.
    """

    name: str
    accuracy: Estimate
    own: bool

    @property
    def shown(self) -> Estimate:
        """The accuracy as drawn, within the scale."""
        value, low, high = (
            min(max(each, 0.0), 1.0)
            for each in (self.accuracy.value, self.accuracy.low, self.accuracy.high)
        )
        return Estimate(value, low, high)


def write_report(
    run: RunFolder, folder: Path | None = None, *, force: bool = False
) -> WrittenReport:
    """Writes page and model card from the run's own artefacts, each whole or not at all.

    In the run's folder they are redrawn; what was there of them is replaced.

    Args:
        run: a run with a checkpoint; evaluation and audit may be missing.
        folder: another one to write into.
        force: whether a report that is in that other folder is replaced.

    Raises:
        LungscopeError: the run has no checkpoint, an artefact is damaged, or `folder` holds
            a report (unless `force`) or something else.
    """
    if folder is not None and folder.resolve() != run.folder.resolve():
        refuse_occupied(folder, {REPORT, CARD}, "a report", force=force)
    facts = read_facts(run)
    place = folder or run.folder
    written = WrittenReport(place / REPORT, place / CARD, facts.left_out)
    page, card = format_report(facts), format_model_card(facts)
    write_text(written.page, page)
    write_text(written.card, card)
    return written


def format_report(facts: RunFacts) -> str:
    """Formats the page as HTML; the same run gives the same bytes.

    Raises:
        LungscopeError: a figure can't be read.
    """
    return fill_html(
        "run.html.j2",
        {
            "facts": facts,
            "fields": compare_recipe(facts),
            "figures": collect_figures(facts),
            "audit_figures": collect_audit_figures(facts),
            "baselines": outcomes.list_baselines(facts),
            "misclassifications": outcomes.list_misclassifications(facts),
            "headline": _headline(facts),
            "commands": _commands(facts),
            "statements": statements,
            "outcomes": outcomes,
            "subsets": SUBSETS,
            "contents": _CONTENTS,
            "rates": RATES,
            "METRICS": METRICS,
            "ONE_VS_REST": CLASS_METRICS,
            "CALIBRATION": CALIBRATION_TITLES,
        },
    )


def _headline(facts: RunFacts) -> tuple[Row, ...]:
    """Lists the model and the baselines; none where no baseline was measured."""
    measured, baselines = facts.measured, outcomes.list_baselines(facts)
    if not baselines:
        return ()
    rows = [Row(each.title, each.accuracy, own=False) for each in baselines]
    if measured is None:
        return tuple(rows)
    return (Row("this model", measured.accuracy, own=True), *rows)


def _commands(facts: RunFacts) -> tuple[str, ...]:
    files = {name: shlex.quote(f"{facts.name}/{name}.json") for name in ("split", "recipe")}
    return (
        f"lungscope train --data {shlex.quote(facts.data)} -o again \\",
        f"    --split {files['split']} --recipe {files['recipe']}",
        "lungscope evaluate again",
        "lungscope audit again",
        "lungscope report again",
    )


def format_model_card(facts: RunFacts) -> str:
    """Formats the model card (Mitchell et al., 2019, arXiv 1810.03993) as Markdown.

    The card is followed by CLAIM 2024 and TRIPOD+AI, item by item, and ends with what only the
    author can fill. The same run gives the same bytes.
    """
    return fill_markdown(
        "model_card.md.j2",
        {
            "facts": facts,
            "statements": statements,
            "outcomes": outcomes,
            "author": AUTHOR,
            "checklists": (fill_claim(facts), fill_tripod(facts)),
        },
    )
