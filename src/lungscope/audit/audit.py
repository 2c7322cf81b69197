"""Everything that an audit measures of one model, and how the findings follow from it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lungscope.audit.baselines import Baseline, baselines
from lungscope.audit.effect import difference, mean, right
from lungscope.audit.faithfulness import Faithfulness, faithfulness
from lungscope.audit.finding import Finding
from lungscope.audit.heatmaps import has_heatmap, spread
from lungscope.audit.leaks import Leaks, find_leaks
from lungscope.audit.masking import Masked, under_masks
from lungscope.audit.mistakes import Mistake, worst_mistakes
from lungscope.audit.randomisation import Randomisation, randomisation
from lungscope.audit.robustness import Robustness, robustness
from lungscope.audit.source_probe import SourceProbe, probe_sources
from lungscope.audit.subgroups import UNKNOWN, ByGroup, BySource, by_group, by_source
from lungscope.data.association import cramers_v
from lungscope.data.cache import Cache
from lungscope.data.index import Index
from lungscope.data.split import Split, SplitEntry, Subset
from lungscope.data.survey import Survey
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.subset_predictions import predict_subset
from lungscope.models.checkpoint import Checkpoint
from lungscope.progress import OnProgress, ignore
from lungscope.training.loading import make_batches
from lungscope.training.scoring import BATCH, compute_features

AUDITED: Subset = "test"
"""The subset of the split that is audited."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of a model in the test subset of its split.

    Attributes:
        predictions: its answers for the images as they are.
        accuracy: of those.
        baselines: classifiers without a view of the lung.
        gains: by baseline's name, how much more accurate the model is, on the same draws.
        masks: the model with parts of the images hidden.
        by_source: None where no source is known.
        by_group: how mistakes lie on groups.
        origins: images of the whole split by class and source; those of which none is given count
            as of the source "unknown". It can be had from the split and is not in the JSON.
        confounding: Cramér's V of class and source over the whole split, [0, 1]; None where no
            source is known.
        probe: whether features tell the source; None where fewer than two sources have groups
            enough among the validation and test images.
        leaks: pictures and groups in two subsets.
        mistakes: the worst ones.
        robustness: accuracy as images get worse.
        faithfulness: whether answers hang on what heatmaps point at; None where the model has no
            heatmap.
        randomisation: how alike heatmaps stay as layers become random; None likewise.
    """

    predictions: Predictions
    accuracy: Estimate
    baselines: tuple[Baseline, ...]
    gains: dict[str, Estimate]
    masks: tuple[Masked, ...]
    by_source: BySource | None
    by_group: ByGroup
    origins: dict[str, dict[str, int]]
    confounding: float | None
    probe: SourceProbe | None
    leaks: Leaks
    mistakes: tuple[Mistake, ...]
    robustness: Robustness
    faithfulness: Faithfulness | None
    randomisation: Randomisation | None

    def to_json(self, findings: Sequence[Finding]) -> dict[str, Any]:
        """The content of `audit.json`, but for the model: findings, then what they follow from."""
        return {
            "subset": AUDITED,
            "images": len(self.predictions.files),
            "groups": self.by_group.groups,
            "accuracy": asdict(self.accuracy),
            "findings": [asdict(finding) for finding in findings],
            "baselines": [
                each.to_json() | {"gain_of_the_model": asdict(self.gains[each.name])}
                for each in self.baselines
            ],
            "masks": [asdict(each) for each in self.masks],
            "by_source": self.by_source and asdict(self.by_source),
            "by_group": asdict(self.by_group),
            "confounding": self.confounding,
            "source_probe": self.probe and asdict(self.probe),
            "leaks": asdict(self.leaks),
            "mistakes": [asdict(each) for each in self.mistakes],
            "robustness": asdict(self.robustness),
            "faithfulness": self.faithfulness and asdict(self.faithfulness),
            "randomisation": self.randomisation and asdict(self.randomisation),
        }


def measure(
    checkpoint: Checkpoint,
    split: Split,
    cache: Cache,
    index: Index,
    survey: Survey,
    device: str = "cpu",
    progress: Callable[[str], OnProgress] = lambda _: ignore,
) -> Measured:
    """Measures everything, every interval over the same draws of the test subset's groups.

    Args:
        checkpoint: the model.
        split: that it was trained on.
        cache: its images, decoded at the model's input size.
        index: the data as it is now.
        survey: what `survey` found about it.
        device: "cpu" or "cuda".
        progress: given the name of a step, who is told of it.
    """
    entries = split.subset(AUDITED)
    predictions = predict_subset(checkpoint, cache, entries, device)
    resampling = Resampling.over(predictions.groups)
    fitted = baselines(split, cache, index.root, resampling, progress("fitting baselines"))
    judged = (checkpoint, cache, entries, predictions, resampling, device)
    explained = spread(entries) if has_heatmap(checkpoint) else ()
    asked = (checkpoint, cache, explained, device)
    return Measured(
        predictions=predictions,
        accuracy=mean(right(predictions), resampling),
        baselines=fitted,
        gains={
            each.name: difference(right(predictions), each.right, resampling) for each in fitted
        },
        masks=under_masks(*judged, progress("hiding parts")),
        by_source=by_source(predictions),
        by_group=by_group(predictions),
        origins=_origins(split.entries, split.classes),
        confounding=_confounding(split.entries, split.classes),
        probe=_probe(checkpoint, cache, split, device),
        leaks=find_leaks(index, survey, split),
        mistakes=worst_mistakes(predictions),
        robustness=robustness(*judged, progress("spoiling images")),
        faithfulness=faithfulness(*asked, progress("hiding by heat")) if explained else None,
        randomisation=randomisation(*asked, progress("randomising layers")) if explained else None,
    )


def _origins(entries: Sequence[SplitEntry], classes: Sequence[str]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {name: Counter() for name in classes}
    for entry in entries:
        found[classes[entry.label]][entry.source or UNKNOWN] += 1
    return {name: dict(sources) for name, sources in found.items()}


def _confounding(entries: Sequence[SplitEntry], classes: Sequence[str]) -> float | None:
    if not any(entry.source for entry in entries):
        return None
    return cramers_v(
        [classes[entry.label] for entry in entries],
        [entry.source or UNKNOWN for entry in entries],
    )


def _probe(checkpoint: Checkpoint, cache: Cache, split: Split, device: str) -> SourceProbe | None:
    # images that the network was not trained on: of those it was, features tell more
    held_out = (*split.subset("validation"), *split.subset(AUDITED))
    if not any(entry.source for entry in held_out):
        return None
    preprocessing = checkpoint.description.preprocessing
    loader = make_batches(cache, held_out, BATCH)
    found = compute_features(checkpoint.network, preprocessing, loader, device)
    return probe_sources(found, held_out, split.classes)
