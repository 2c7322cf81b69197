"""Writing the report of a run: `report.html` and `model_card.md`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lungscope.atomic import refuse_occupied, write_text
from lungscope.report.facts import Verb, read_facts
from lungscope.report.model_card import model_card
from lungscope.report.run_report import run_report
from lungscope.training.run import RunFolder

REPORT = "report.html"
CARD = "model_card.md"


@dataclass(frozen=True)
class Written:
    """Where a report lies.

    Attributes:
        page: the HTML page.
        card: the model card.
        left_out: why results that are in the run are not on them, by the command that makes them.
    """

    page: Path
    card: Path
    left_out: Mapping[Verb, str]


def write_report(run: RunFolder, folder: Path | None = None, *, force: bool = False) -> Written:
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
    written = Written(place / REPORT, place / CARD, facts.left_out)
    page, card = run_report(facts), model_card(facts)
    write_text(written.page, page)
    write_text(written.card, card)
    return written
