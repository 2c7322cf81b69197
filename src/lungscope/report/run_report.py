"""`report.html`: everything about a run on one self-contained page."""

import shlex
from dataclasses import dataclass

from lungscope.data.split import SUBSETS
from lungscope.estimate import Estimate
from lungscope.evaluation.calibration import CALIBRATION_TITLES
from lungscope.evaluation.discrimination import CLASS_METRICS, RATES
from lungscope.evaluation.metrics import METRICS
from lungscope.report import outcomes, statements
from lungscope.report.departures import fields
from lungscope.report.facts import RunFacts
from lungscope.report.illustrations import collect_audit_figures, collect_figures
from lungscope.report.page import html

_CONTENTS = {
    "data": "Data and split",
    "training": "Recipe and training",
    "results": "Results",
    "calibration": "Calibration and thresholds",
    "audit": "Audit",
    "repeat": "How to repeat this",
    "limits": "Limits",
}


@dataclass(frozen=True)
class Row:
    """A row of the headline: who scores what.

    Attributes:
        name: of the model or the baseline.
        accuracy: of it.
        own: whether it is the model's.
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


def run_report(facts: RunFacts) -> str:
    """The page as HTML: the same run gives the same bytes.

    Raises:
        LungscopeError: a figure can't be read.
    """
    return html(
        "run.html.j2",
        {
            "facts": facts,
            "fields": fields(facts),
            "figures": collect_figures(facts),
            "audit_figures": collect_audit_figures(facts),
            "baselines": outcomes.audited_baselines(facts),
            "misclassifications": outcomes.worst_misclassifications(facts),
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
    """The model and the baselines; none where no baseline was measured."""
    measured, baselines = facts.measured, outcomes.audited_baselines(facts)
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
