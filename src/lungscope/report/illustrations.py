"""The figures of a run's page, each with its numbers in words and a caption."""

from collections.abc import Callable, Mapping

from lungscope.estimate import Estimate
from lungscope.evaluation.assessment import Assessment
from lungscope.report.facts import RunFacts
from lungscope.report.page import EmbeddedFigure, embed_figure
from lungscope.text import format_decimal, format_quantity, join_words

Words = tuple[str, str]
"""What a figure shows with its main numbers, for those who do not see it; and its caption."""


def collect_figures(facts: RunFacts) -> Mapping[str, EmbeddedFigure]:
    """Embeds every figure of training and evaluation that the run has, by name.

    Raises:
        LungscopeError: one can't be read.
    """
    words: dict[str, Words] = {"learning-curves": _learning_curves(facts)}
    if facts.measured is not None:
        words |= {name: describe(facts, facts.measured) for name, describe in _MEASURED.items()}
    return {
        name: embed_figure(path, *words[name])
        for name, path in facts.figures.items()
        if name in words
    }


def collect_audit_figures(facts: RunFacts) -> tuple[EmbeddedFigure, ...]:
    """Embeds the audit's figures that exist, in its order, with the audit's own captions.

    Raises:
        LungscopeError: one can't be read.
    """
    if facts.audit is None:
        return ()
    places = [(facts.audit_figures / f"{each.name}.png", each) for each in facts.audit.figures]
    return tuple(
        embed_figure(path, each.alt, each.caption) for path, each in places if path.is_file()
    )


def _learning_curves(facts: RunFacts) -> Words:
    first, best, last = facts.history[0], facts.best, facts.history[-1]
    return (
        f"Loss and accuracy of {format_quantity(len(facts.history), 'epoch')}, training and "
        f"validation. "
        f"Validation accuracy is {format_decimal(first.validation_accuracy)} after the first "
        f"epoch, "
        f"{format_decimal(best.validation_accuracy)} at its best in epoch {best.epoch}, and "
        f"{format_decimal(last.validation_accuracy)} in the last.",
        f"Loss and accuracy by epoch. Epoch {best.epoch} of {len(facts.history)} was kept. "
        "Training images are augmented, and scored while the weights still change.",
    )


def _samples(facts: RunFacts, _: Assessment) -> Words:
    classes = join_words(facts.split.classes)
    return (
        f"One radiograph of each class: {classes}.",
        f"The first test image of each class: {classes}.",
    )


def _confusion(facts: RunFacts, measured: Assessment) -> Words:
    rows = "; ".join(
        f"{row[place]} of {sum(row)} {name} are classified correctly"
        for place, (name, row) in enumerate(
            zip(facts.split.classes, measured.confusion.counts, strict=True)
        )
    )
    return (
        f"Confusion matrix of {format_quantity(measured.images, f'{measured.subset} image')}: "
        f"{rows}.",
        f"True class by predicted class, "
        f"{format_quantity(measured.images, f'{measured.subset} image')}.",
    )


def _roc(_: RunFacts, measured: Assessment) -> Words:
    areas = [
        f"{name} AUROC {_area(each['auroc'])}, AUPRC {_area(each['auprc'])}"
        for name, each in measured.one_vs_rest.by_class.items()
    ]
    return (
        f"ROC and precision-recall curves of each class against the rest: {'; '.join(areas)}.",
        "Each class against the rest: ROC and precision-recall curves, with 95 % intervals of "
        "the areas below them.",
    )


def _reliability(_: RunFacts, measured: Assessment) -> Words:
    before, after = (
        measured.calibration.uncalibrated.ece_top_label,
        measured.calibration.calibrated.ece_top_label,
    )
    return (
        f"Accuracy by confidence: the expected calibration error is {before} as trained and "
        f"{after} at temperature {format_decimal(measured.temperature)}.",
        "Accuracy by confidence, as trained and at the fitted temperature; below, how many images "
        "have which confidence.",
    )


def _coverage(_: RunFacts, measured: Assessment) -> Words:
    points = [
        f"at confidence {format_decimal(found.threshold)} "
        f"{format_decimal(found.coverage.value)} of the images "
        f"are answered with accuracy {_area(found.accuracy)}"
        for each in measured.selective.answering
        if (found := each.found) is not None
    ]
    return (
        f"Accuracy by proportion of images answered: {format_decimal(measured.accuracy.value)} if "
        f"all are; "
        f"{'; '.join(points) or 'no threshold was found'}.",
        "Accuracy of the images that are answered, the most confident first, with its 95 % "
        f"interval. Area under the curve of risk {measured.selective.risk_area}.",
    )


def _area(estimate: Estimate | None) -> str:
    return "not defined" if estimate is None else str(estimate)


_MEASURED: dict[str, Callable[[RunFacts, Assessment], Words]] = {
    "samples": _samples,
    "confusion-matrix": _confusion,
    "roc": _roc,
    "reliability": _reliability,
    "coverage": _coverage,
}
