"""What a run's files say about results and audit, in sentences for page and model card."""

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


def explain_missing_evaluation(facts: RunFacts) -> str:
    """Explains why there is no evaluation to show."""
    return facts.left_out.get("evaluate", "Not evaluated yet")


def explain_missing_audit(facts: RunFacts) -> str:
    """Explains why there is no audit to show."""
    return facts.left_out.get("audit", "Not audited yet")


def suggest_evaluation(facts: RunFacts) -> str:
    """Explains why there is no evaluation to show, and names the command that makes one."""
    return f"{explain_missing_evaluation(facts)}: {facts.command('evaluate')}"


def suggest_audit(facts: RunFacts) -> str:
    """Explains why there is no audit to show, and names the command that makes one."""
    return f"{explain_missing_audit(facts)}: {facts.command('audit')}"


def describe_test_images(facts: RunFacts) -> str:
    """Describes the images that the model was evaluated on."""
    if facts.measured is None:
        return suggest_evaluation(facts)
    measured = facts.measured
    return (
        f"{format_quantity(measured.images, f'{measured.subset} image')} in "
        f"{format_quantity(measured.groups, 'group')}, "
        f"{format_count(measured.misclassified)} of them misclassified."
    )


def describe_performance(facts: RunFacts) -> str:
    """Lists all overall metrics."""
    if facts.measured is None:
        return suggest_evaluation(facts)
    overall = facts.measured.overall
    return _sentence(f"{metric.label} {overall[name]}" for name, metric in METRICS.items())


def summarise_performance(facts: RunFacts) -> str:
    """Summarises the main metrics, for places where all of them would be too many."""
    if facts.measured is None:
        return suggest_evaluation(facts)
    measured, area = facts.measured, facts.measured.one_vs_rest.macro["auroc"]
    return (
        f"Accuracy {measured.accuracy}, F1 (macro) {measured.overall['f1_macro']}, "
        f"AUROC (macro) {_defined(area)}; all of them under Metrics, above."
    )


def describe_classes(facts: RunFacts) -> str:
    """Lists the metrics of each class against the rest."""
    if facts.measured is None:
        return suggest_evaluation(facts)
    return " ".join(
        f"{name}: {', '.join(_named(metric, e) for metric, e in metrics.items())}."
        for name, metrics in facts.measured.one_vs_rest.by_class.items()
    )


def describe_uncertainty(facts: RunFacts) -> str:
    """Describes the intervals and what they cover."""
    if facts.measured is None:
        return suggest_evaluation(facts)
    return (
        f"Intervals: {describe_intervals(facts.measured)}; whole groups are resampled, since "
        f"images of one "
        "patient are not independent. Differences between models: lungscope compare."
    )


def describe_intervals(measured: Assessment) -> str:
    """Describes how intervals were computed."""
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


def describe_calibration(facts: RunFacts) -> str:
    """Describes the calibration before and after scaling by the temperature."""
    if facts.measured is None:
        return suggest_evaluation(facts)
    before, after = (
        facts.measured.calibration.uncalibrated,
        facts.measured.calibration.calibrated,
    )
    return (
        f"Expected calibration error of the predicted class {before.ece_top_label} as "
        f"trained, {after.ece_top_label} at temperature "
        f"{format_decimal(facts.measured.temperature)}, which was fitted on validation images; "
        f"Brier "
        f"score {after.brier}. {statements.warn_of_temperature(facts)}"
    ).rstrip()


def describe_thresholds(facts: RunFacts) -> str:
    """Describes how probabilities become classes, and how thresholds were chosen."""
    if facts.measured is None:
        return suggest_evaluation(facts)
    operating = facts.measured.operating_points
    points = join_words(
        f"{point.of} from {format_decimal(point.threshold)}" for point in operating.points
    )
    return (
        "The class of the highest probability is predicted. Thresholds chosen on validation images "
        f"for a sensitivity of {format_short(operating.for_sensitivity)}: {points}."
    )


def describe_misclassifications(facts: RunFacts) -> str:
    """Describes which classes are misclassified as which."""
    if facts.measured is None:
        return suggest_evaluation(facts)
    classes, rows = facts.split.classes, facts.measured.confusion.counts
    swaps = sorted(
        (
            (-n, f"{n} of {sum(rows[true])} {classes[true]} classified as {classes[predicted]}")
            for true in range(len(rows))
            for predicted, n in enumerate(rows[true])
            if n and predicted != true
        ),
    )
    if not swaps:
        return f"None of {facts.measured.images} {facts.measured.subset} images was misclassified."
    return f"{join_words(words for _, words in swaps)}."


def count_verdicts(facts: RunFacts) -> str:
    """Counts the findings of each verdict."""
    if facts.audit is None:
        return suggest_audit(facts)
    counts = ", ".join(f"{n} {VERDICT_WORDS[v]}" for v, n in facts.audit.counts.items())
    return (
        f"Audit of {format_quantity(facts.audit.images, f'{facts.audit.subset} image')}: {counts}."
    )


def list_baselines(facts: RunFacts) -> tuple[BaselineScore, ...]:
    """Lists the audit's baselines; none if they were not measured."""
    found = None if facts.audit is None else facts.audit.results.get("shortcuts")
    return found.baselines if isinstance(found, Shortcuts) else ()


def list_misclassifications(facts: RunFacts) -> tuple[Misclassification, ...]:
    """Lists the misclassified images of the largest loss that the audit names."""
    found = None if facts.audit is None else facts.audit.results.get("misclassifications")
    return found.worst if isinstance(found, Misclassifications) else ()


def describe_baselines(facts: RunFacts) -> str:
    """Describes the accuracies of classifiers that do not see the lung."""
    if facts.audit is None:
        return suggest_audit(facts)
    found = [f"{each.title} {each.accuracy}" for each in list_baselines(facts)]
    if not found:
        return "No baseline was measured."
    return f"Accuracy without the lung: {join_words(found)}."


def list_concerns(facts: RunFacts) -> tuple[Finding, ...]:
    """Lists the findings that fail or warn."""
    return () if facts.audit is None else facts.audit.concerns


def quote_findings(facts: RunFacts, *names: str) -> str:
    """Quotes the statements of the findings of these names."""
    if facts.audit is None:
        return suggest_audit(facts)
    found = [each.statement for each in facts.audit.findings if each.name in names]
    return " ".join(found) or "The audit has no finding on it."


def format_heading(finding: Finding) -> str:
    """Formats a finding's title as the beginning of a paragraph, with a mark at its end."""
    return finding.title if finding.title.endswith(("?", ".", "!")) else f"{finding.title}."


def _named(metric: str, estimate: Estimate | None) -> str:
    return f"{CLASS_METRICS[metric]} {_defined(estimate)}"


def _defined(estimate: Estimate | None) -> str:
    return "not defined" if estimate is None else str(estimate)


def _sentence(parts: Iterable[str]) -> str:
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}."
