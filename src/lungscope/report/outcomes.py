"""What the artefacts say about results and the audit, in sentences for page and model card."""

from collections.abc import Iterable

from lungscope.audit.checks.misclassifications import Misclassification, Misclassifications
from lungscope.audit.checks.shortcuts import BaselineScore, Shortcuts
from lungscope.audit.finding import Finding, Verdict
from lungscope.estimate import Estimate
from lungscope.report import statements
from lungscope.report.facts import RunFacts
from lungscope.report.measured import ONE_VS_REST, OVERALL
from lungscope.text import counted, decimal, listed, plain, several, told

VERDICT_WORDS: dict[Verdict, str] = {
    "fail": "fail",
    "warn": "warn",
    "pass": "pass",
    "not-measured": "not measured",
}


def why_not_evaluated(facts: RunFacts) -> str:
    """Why there is no evaluation to show."""
    return facts.left_out.get("evaluate", "Not evaluated yet")


def why_not_audited(facts: RunFacts) -> str:
    """Why there is no audit to show."""
    return facts.left_out.get("audit", "Not audited yet")


def not_evaluated(facts: RunFacts) -> str:
    """Why there is no evaluation to show, and the command that makes one."""
    return f"{why_not_evaluated(facts)}: {facts.command('evaluate')}"


def not_audited(facts: RunFacts) -> str:
    """Why there is no audit to show, and the command that makes one."""
    return f"{why_not_audited(facts)}: {facts.command('audit')}"


def tested(facts: RunFacts) -> str:
    """On what the numbers are."""
    if facts.measured is None:
        return not_evaluated(facts)
    measured = facts.measured
    return (
        f"{several(measured.images, f'{measured.subset} image')} in "
        f"{several(measured.groups, 'group')}, "
        f"{counted(measured.mistakes)} of them classified wrongly."
    )


def performance(facts: RunFacts) -> str:
    """All overall metrics."""
    if facts.measured is None:
        return not_evaluated(facts)
    return _sentence(f"{OVERALL[name]} {told(e)}" for name, e in facts.measured.overall.items())


def summary(facts: RunFacts) -> str:
    """The main numbers, for where all of them would be too many."""
    if facts.measured is None:
        return not_evaluated(facts)
    measured, area = facts.measured, facts.measured.macro["auroc"]
    return (
        f"Accuracy {told(measured.accuracy)}, F1 (macro) {told(measured.overall['f1_macro'])}, "
        f"AUROC (macro) {_defined(area)}; all of them under Metrics, above."
    )


def by_class(facts: RunFacts) -> str:
    """Each class against the rest."""
    if facts.measured is None:
        return not_evaluated(facts)
    return " ".join(
        f"{name}: {', '.join(_named(metric, e) for metric, e in metrics.items())}."
        for name, metrics in facts.measured.one_vs_rest.items()
    )


def uncertainty(facts: RunFacts) -> str:
    """How intervals are made."""
    if facts.measured is None:
        return not_evaluated(facts)
    return (
        f"Intervals: {facts.measured.interval}; whole groups are resampled, since images of one "
        "patient are not independent. Differences between models: lungscope compare."
    )


def calibration(facts: RunFacts) -> str:
    """Calibration errors before and after the temperature."""
    if facts.measured is None:
        return not_evaluated(facts)
    before, after = facts.measured.uncalibrated, facts.measured.calibrated
    return (
        f"Expected calibration error of the predicted class {told(before.ece_top_label)} as "
        f"trained, {told(after.ece_top_label)} at temperature "
        f"{decimal(facts.measured.temperature)}, which was fitted on validation images; Brier "
        f"score {told(after.brier)}. {statements.temperature_limit(facts)}"
    ).rstrip()


def thresholds(facts: RunFacts) -> str:
    """What is done with probabilities, and on which images thresholds were chosen."""
    if facts.measured is None:
        return not_evaluated(facts)
    points = listed(
        f"{point.of} from {decimal(point.threshold)}" for point in facts.measured.operating_points
    )
    return (
        "The class of the highest probability is predicted. Thresholds chosen on validation images "
        f"for a sensitivity of {plain(facts.measured.for_sensitivity)}: {points}."
    )


def failures(facts: RunFacts) -> str:
    """Which classes are taken for which."""
    if facts.measured is None:
        return not_evaluated(facts)
    classes, rows = facts.split.classes, facts.measured.counts
    swaps = sorted(
        (
            (-n, f"{n} of {sum(rows[true])} {classes[true]} called {classes[called]}")
            for true in range(len(rows))
            for called, n in enumerate(rows[true])
            if n and called != true
        ),
    )
    if not swaps:
        return f"None of {facts.measured.images} {facts.measured.subset} images was misclassified."
    return f"{listed(words for _, words in swaps)}."


def audit(facts: RunFacts) -> str:
    """How many findings of each verdict."""
    if facts.audit is None:
        return not_audited(facts)
    counts = ", ".join(f"{n} {VERDICT_WORDS[v]}" for v, n in facts.audit.counts.items())
    return f"Audit of {several(facts.audit.images, f'{facts.audit.subset} image')}: {counts}."


def audited_baselines(facts: RunFacts) -> tuple[BaselineScore, ...]:
    """Returns the audit's baselines; none if they were not measured."""
    found = None if facts.audit is None else facts.audit.results.get("shortcuts")
    return found.baselines if isinstance(found, Shortcuts) else ()


def worst_misclassifications(facts: RunFacts) -> tuple[Misclassification, ...]:
    """Returns the misclassified images of the largest loss that the audit lists."""
    found = None if facts.audit is None else facts.audit.results.get("misclassifications")
    return found.worst if isinstance(found, Misclassifications) else ()


def baselines(facts: RunFacts) -> str:
    """Names the accuracies of classifiers that do not see the lung."""
    if facts.audit is None:
        return not_audited(facts)
    found = [f"{each.title} {told(each.accuracy)}" for each in audited_baselines(facts)]
    return f"Accuracy without the lung: {listed(found)}." if found else "No baseline was measured."


def concerns(facts: RunFacts) -> tuple[Finding, ...]:
    """Findings that fail or warn."""
    return () if facts.audit is None else facts.audit.concerns


def about(facts: RunFacts, *names: str) -> str:
    """The statements of the findings of these names."""
    if facts.audit is None:
        return not_audited(facts)
    found = [each.statement for each in facts.audit.findings if each.name in names]
    return " ".join(found) or "The audit has no finding on it."


def heading(finding: Finding) -> str:
    """A finding's title as the beginning of a paragraph: with a mark at its end."""
    return finding.title if finding.title.endswith(("?", ".", "!")) else f"{finding.title}."


def _named(metric: str, estimate: Estimate | None) -> str:
    return f"{ONE_VS_REST[metric]} {_defined(estimate)}"


def _defined(estimate: Estimate | None) -> str:
    return "not defined" if estimate is None else told(estimate)


def _sentence(parts: Iterable[str]) -> str:
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}."
