"""A checkpoint's answers for cached images."""

from collections.abc import Sequence

import numpy as np
import torch

from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.evaluation.predictions import Predictions
from lungscope.models.checkpoint import Checkpoint
from lungscope.progress import OnProgress, ignore
from lungscope.training.input import normalised, to_unit
from lungscope.training.loading import batches

BATCH = 64


def predict(
    checkpoint: Checkpoint,
    cache: Cache,
    entries: Sequence[SplitEntry],
    device: str = "cpu",
    on_progress: OnProgress = ignore,
) -> Predictions:
    """Runs a checkpoint over images of a split, calibrated by its temperature.

    Args:
        checkpoint: the model.
        cache: the images, decoded at the model's input size.
        entries: which of them.
        device: "cpu" or "cuda".
        on_progress: told of every batch, counted in images.

    Raises:
        LungscopeError: the network's scores are not finite.
    """
    description = checkpoint.description
    network = checkpoint.network.to(device).to(memory_format=torch.channels_last).eval()
    logits: list[torch.Tensor] = []
    done = 0
    with torch.inference_mode():
        for pixels, _ in batches(cache, entries, BATCH):
            images = normalised(to_unit(pixels.to(device)), description.preprocessing)
            logits.append(network(images).double().cpu())
            done += len(pixels)
            on_progress(done, len(entries))
    return Predictions.from_logits(
        classes=description.classes,
        files=tuple(entry.file for entry in entries),
        groups=tuple(entry.group for entry in entries),
        labels=np.array([entry.label for entry in entries], dtype=np.int64),
        logits=torch.cat(logits).numpy() / description.temperature,
    )
