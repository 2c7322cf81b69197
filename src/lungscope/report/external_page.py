"""The page of a model's evaluation on another data set: `report.html` beside `external.json`."""

from collections.abc import Mapping
from pathlib import Path

from lungscope.atomic import write_text
from lungscope.data.classes import find_normal
from lungscope.data.overlap import KINDS, OVERLAP_WORDS, OverlapKind
from lungscope.estimate import Estimate
from lungscope.evaluation.calibration import CALIBRATION_TITLES
from lungscope.evaluation.discrimination import CLASS_METRICS
from lungscope.evaluation.external import SOURCE, ExternalAssessment, ModelKind
from lungscope.evaluation.metrics import METRICS
from lungscope.evaluation.parts import Part
from lungscope.evaluation.run_external import FIGURES, PAGE
from lungscope.report.page import EmbeddedFigure, embed_figure, fill_html
from lungscope.text import format_percent, format_quantity, join_words

KIND_WORDS: Mapping[ModelKind, str] = {
    "run": "best checkpoint of a run",
    "exported": "exported model",
}

REFUSAL_WORDS: Mapping[str, str] = {
    "not-a-frontal-chest-radiograph": "colour or shape",
    "lateral-chest-radiograph": "lateral",
    "no-chest-radiograph": "no chest X-ray",
    "turned-90": "turned by 90 degrees",
    "turned-180": "upside down",
    "turned-270": "turned by 270 degrees",
    "inverted": "inverted",
    "out-of-distribution": "unlike the training images",
    "kind-unclear": "abnormal, kind unclear",
    "low-confidence": "low confidence",
    "unreadable": "unreadable file",
}
"""Codes in words for the head of a table; others are shown with spaces for hyphens."""

_CONTENTS = {
    "images": "Images",
    "sources": "By source",
    "within": "Within a source",
    "answered": "Answers and refusals",
    "whole": "All images",
    "columns": "By other columns",
    "calibration": "Calibration",
    "limits": "Limits",
}

_NOT_SEARCHED: Mapping[OverlapKind, str] = {
    "bytes": "the same bytes",
    "picture": "the same picture (its training images are not at hand)",
    "group": "the same patient (its training data names none)",
}


def write_external_page(assessment: ExternalAssessment, folder: Path) -> Path:
    """Writes the page from what was measured and drawn; returns its path.

    Args:
        assessment: what was measured.
        folder: with its `figures/`.

    Raises:
        LungscopeError: a figure can't be read, or the page can't be written.
    """
    write_text(folder / PAGE, format_external_page(assessment, folder))
    return folder / PAGE


def format_external_page(assessment: ExternalAssessment, folder: Path) -> str:
    """Formats the page as HTML; the same results give the same bytes."""
    found = assessment.forced
    codes = sorted({code for each in assessment.answers for code in each.refused})
    within = [part for part in found.parts[SOURCE] if part.pairs]
    return fill_html(
        "external.html.j2",
        {
            "found": assessment,
            "forced": found,
            "answered": assessment.answered,
            "kind": KIND_WORDS[assessment.model.kind],
            "overlap": describe_overlap(assessment),
            "answers": describe_answers(assessment),
            "refusals": {code: REFUSAL_WORDS.get(code, code.replace("-", " ")) for code in codes},
            "pairs": sorted({(pair.first, pair.second) for part in within for pair in part.pairs}),
            "within": within,
            "columns": {k: parts for k, parts in found.parts.items() if k != SOURCE},
            "normal": find_normal(assessment.model.classes) is not None,
            "absent": [name for name in assessment.model.classes if name not in found.whole.recall],
            "figures": _collect_figures(assessment, folder / FIGURES),
            "contents": {
                k: v for k, v in _CONTENTS.items() if k != "columns" or len(found.parts) > 1
            },
            "METRICS": METRICS,
            "ONE_VS_REST": CLASS_METRICS,
            "CALIBRATION": CALIBRATION_TITLES,
            "SOURCE": SOURCE,
            "pair_of": pair_of,
        },
    )


def describe_overlap(assessment: ExternalAssessment) -> str:
    """Describes what was searched for, and what was left out."""
    overlap = assessment.overlap
    if not overlap.searched:
        return (
            "Overlap with the training images cannot be searched: the model does not say what it "
            "was trained on. An image that it has seen makes every number here too good."
        )
    counts = [f"{count} {OVERLAP_WORDS[kind]}" for kind, count in overlap.counts.items()]
    left = format_quantity(len(overlap.images), "image")
    searched = (
        f"Compared with {format_quantity(overlap.training_images, 'image')} that the model was "
        f"trained on or chosen by (training and validation): {left} left out, {join_words(counts)}"
        "; each is counted under the first that applies."
    )
    missing = [_NOT_SEARCHED[kind] for kind in KINDS if kind not in overlap.searched]
    return f"{searched} Not searched: {join_words(missing)}." if missing else searched


def describe_answers(assessment: ExternalAssessment) -> str:
    """Describes how many images were answered."""
    read = sum(each.read for each in assessment.answers)
    if not assessment.model.abstains:
        return (
            f"{format_quantity(read, 'image')} read. A run's checkpoint answers for every image: "
            "when not to answer is learned at the export. Evaluate the exported model to see it."
        )
    answered = sum(each.answered for each in assessment.answers)
    return (
        f"Of {format_quantity(assessment.asked, 'image')}, {answered:,} "
        f"({format_percent(answered / assessment.asked)}) were answered. Numbers are forced (on "
        "all images that were read, whether the model abstains or not) unless they are said to be "
        "of answered images."
    )


def pair_of(part: Part, first: str, second: str) -> Estimate | None:
    """Returns the AUROC of two classes in a part; None where one of them has no image there."""
    found = (e.auroc for e in part.pairs if (e.first, e.second) == (first, second))
    return next(found, None)


def _collect_figures(assessment: ExternalAssessment, folder: Path) -> Mapping[str, EmbeddedFigure]:
    whole, images = (
        assessment.forced.whole,
        format_quantity(assessment.forced.whole.images, "image"),
    )
    words = {
        "sources": (
            "Accuracy by source, and recall of each class: "
            + "; ".join(
                f"{part.value or 'unknown source'} {part.accuracy}"
                for part in assessment.forced.parts[SOURCE]
            )
            + ".",
            "Accuracy by source, and recall of each class that has images there, with 95 % "
            "intervals over groups.",
        ),
        "confusion-matrix": (
            f"Confusion matrix of {images}; recall "
            f"{join_words(f'{name} {each}' for name, each in whole.recall.items())}.",
            f"True class by predicted class, {images}.",
        ),
        "roc": (
            "ROC and precision-recall curves of each class against the rest: "
            + "; ".join(f"{name} AUROC {each}" for name, each in whole.auroc.items())
            + ".",
            "Each class against the rest, all sources together: where sources and classes go "
            "together, this shows how well sources are told apart too.",
        ),
        "reliability": (
            "Accuracy by confidence: the expected calibration error is "
            f"{assessment.forced.calibration.ece_top_label}.",
            "Accuracy by confidence on this data; below, how many images have which confidence.",
        ),
    }
    paths = {name: folder / f"{name}.png" for name in words}
    return {
        name: embed_figure(path, *words[name]) for name, path in paths.items() if path.is_file()
    }
