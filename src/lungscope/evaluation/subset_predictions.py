"""A checkpoint's answers for cached images."""

from collections.abc import Sequence

import numpy as np

from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.evaluation.predictions import Predictions
from lungscope.models.checkpoint import Checkpoint
from lungscope.progress import OnProgress, ignore
from lungscope.training.loading import make_batches
from lungscope.training.scoring import BATCH, Change, compute_logits, unchanged


def predict_subset(
    checkpoint: Checkpoint,
    cache: Cache,
    entries: Sequence[SplitEntry],
    device: str = "cpu",
    on_progress: OnProgress = ignore,
    change: Change = unchanged,
) -> Predictions:
    """Runs a checkpoint over images of a split, calibrated by its temperature.

    Args:
        checkpoint: the model.
        cache: the images, decoded at the model's input size.
        entries: which of them.
        device: "cpu" or "cuda".
        on_progress: called after every batch, counted in images.
        change: what is done to images before the model sees them.

    Raises:
        InvalidData: the network's scores are not finite.
    """
    description = checkpoint.description
    logits = compute_logits(
        checkpoint.network,
        description.preprocessing,
        make_batches(cache, entries, BATCH),
        device,
        change,
        lambda done: on_progress(done, len(entries)),
    )
    return Predictions.from_logits(
        classes=description.classes,
        files=tuple(entry.file for entry in entries),
        groups=tuple(entry.group for entry in entries),
        labels=np.array([entry.label for entry in entries], dtype=np.int64),
        logits=logits / description.temperature,
        sources=tuple(entry.source or "" for entry in entries),
        columns=_columns(entries),
    )


def _columns(entries: Sequence[SplitEntry]) -> dict[str, tuple[str, ...]]:
    cells = [dict(entry.columns) for entry in entries]
    names = dict.fromkeys(name for each in cells for name in each)
    return {name: tuple(each.get(name, "") for each in cells) for name in names}
