"""What the artefacts say about results and the audit, in sentences for page and model card."""

from collections.abc import Iterable

from lungscope.audit.checks.misclassifications import Misclassification, Misclassifications
from lungscope.audit.checks.shortcuts import BaselineScore, Shortcuts
from lungscope.audit.finding import Finding, Verdict
from lungscope.estimate import Estimate
from lungscope.evaluation.assessment import Assessment
from lungscope.evaluation.discrimination import CLASS_METRICS
from lungscope.evaluation.metrics import METRICS
from lungscope.report import statements
from lungscope.report.facts import RunFacts
from lungscope.text import format_count, format_decimal, format_quantity, format_short, join_words

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
        f"{format_quantity(measured.images, f'{measured.subset} image')} in "
        f"{format_quantity(measured.groups, 'group')}, "
        f"{format_count(measured.misclassified)} of them misclassified."
    )


def performance(facts: RunFacts) -> str:
    """All overall metrics."""
    if facts.measured is None:
        return not_evaluated(facts)
    overall = facts.measured.overall
    return _sentence(f"{metric.label} {overall[name]}" for name, metric in METRICS.items())


def summary(facts: RunFacts) -> str:
    """The main numbers, for where all of them would be too many."""
    if facts.measured is None:
        return not_evaluated(facts)
    measured, area = facts.measured, facts.measured.one_vs_rest.macro["auroc"]
    return (
        f"Accuracy {measured.accuracy}, F1 (macro) {measured.overall['f1_macro']}, "
        f"AUROC (macro) {_defined(area)}; all of them under Metrics, above."
    )


def by_class(facts: RunFacts) -> str:
    """Each class against the rest."""
    if facts.measured is None:
        return not_evaluated(facts)
    return " ".join(
        f"{name}: {', '.join(_named(metric, e) for metric, e in metrics.items())}."
        for name, metrics in facts.measured.one_vs_rest.by_class.items()
    )


def uncertainty(facts: RunFacts) -> str:
    """How intervals are made."""
    if facts.measured is None:
        return not_evaluated(facts)
    return (
        f"Intervals: {describe_intervals(facts.measured)}; whole groups are resampled, since "
        f"images of one "
        "patient are not independent. Differences between models: lungscope compare."
    )


def describe_intervals(measured: Assessment) -> str:
    """How intervals were made."""
    used = measured.interval
    if measured.groups == 1:
        return (
            "none, since all images are of one group; those of proportions are Wilson's for one "
            "observation"
        )
    return (
        f"{100 * used.level:.0f} %, bootstrap over groups, {used.draws} draws (Wilson's for "
        f"proportions of fewer than {used.wilson_below_groups} groups or the same in every draw)"
    )


def calibration(facts: RunFacts) -> str:
    """Calibration errors before and after the temperature."""
    if facts.measured is None:
        return not_evaluated(facts)
    before, after = (
        facts.measured.calibration.uncalibrated,
        facts.measured.calibration.calibrated,
    )
    return (
        f"Expected calibration error of the predicted class {before.ece_top_label} as "
        f"trained, {after.ece_top_label} at temperature "
        f"{format_decimal(facts.measured.temperature)}, which was fitted on validation images; "
        f"Brier "
        f"score {after.brier}. {statements.temperature_limit(facts)}"
    ).rstrip()


def thresholds(facts: RunFacts) -> str:
    """What is done with probabilities, and on which images thresholds were chosen."""
    if facts.measured is None:
        return not_evaluated(facts)
    operating = facts.measured.operating_points
    points = join_words(
        f"{point.of} from {format_decimal(point.threshold)}" for point in operating.points
    )
    return (
        "The class of the highest probability is predicted. Thresholds chosen on validation images "
        f"for a sensitivity of {format_short(operating.for_sensitivity)}: {points}."
    )


def failures(facts: RunFacts) -> str:
    """Which classes are taken for which."""
    if facts.measured is None:
        return not_evaluated(facts)
    classes, rows = facts.split.classes, facts.measured.confusion.counts
    swaps = sorted(
        (
            (-n, f"{n} of {sum(rows[true])} {classes[true]} classified as {classes[called]}")
            for true in range(len(rows))
            for called, n in enumerate(rows[true])
            if n and called != true
        ),
    )
    if not swaps:
        return f"None of {facts.measured.images} {facts.measured.subset} images was misclassified."
    return f"{join_words(words for _, words in swaps)}."


def audit(facts: RunFacts) -> str:
    """How many findings of each verdict."""
    if facts.audit is None:
        return not_audited(facts)
    counts = ", ".join(f"{n} {VERDICT_WORDS[v]}" for v, n in facts.audit.counts.items())
    return (
        f"Audit of {format_quantity(facts.audit.images, f'{facts.audit.subset} image')}: {counts}."
    )


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
    found = [f"{each.title} {each.accuracy}" for each in audited_baselines(facts)]
    if not found:
        return "No baseline was measured."
    return f"Accuracy without the lung: {join_words(found)}."


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
    return f"{CLASS_METRICS[metric]} {_defined(estimate)}"


def _defined(estimate: Estimate | None) -> str:
    return "not defined" if estimate is None else str(estimate)


def _sentence(parts: Iterable[str]) -> str:
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}."
