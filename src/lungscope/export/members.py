"""The runs that become one exported model: what they share, and what none was trained on."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp
from torch import Tensor

from lungscope.data.cache import Cache
from lungscope.data.split import Split
from lungscope.errors import InvalidData, InvalidSetting
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.run_evaluation import open_evaluated
from lungscope.models.checkpoint import Checkpoint
from lungscope.training.loading import Batch, make_batches
from lungscope.training.run import RunFolder
from lungscope.training.scoring import BATCH, Change, compute_logits, unchanged

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Member:
    """A run whose answers are averaged with others'.

    Attributes:
        run: the run.
        checkpoint: its best one.
        split: what it was trained on.
        cache: the decoded images of the split.
    """

    run: RunFolder
    checkpoint: Checkpoint
    split: Split
    cache: Cache


def open_members(
    runs: Sequence[RunFolder], data: Path, cache_folder: Path | None
) -> tuple[Member, ...]:
    """Opens runs that are to be one model.

    Args:
        runs: one or more, each with a checkpoint.
        data: the folder that the files of all their splits are relative to.
        cache_folder: where decoded images are kept; the user's cache folder by default.

    Raises:
        NotFound: a run without a checkpoint.
        InvalidSetting: a run is given twice.
        InvalidData: the data is not a split's, or runs differ in classes or input size.
    """
    if len({run.folder.resolve() for run in runs}) < len(runs):
        raise InvalidSetting("export: the same run is given twice; give each once")
    members = tuple(Member(run, *open_evaluated(run, data, cache_folder)) for run in runs)
    first = members[0].checkpoint
    size = first.description.preprocessing.size
    for member in members[1:]:
        other = member.checkpoint
        if other.classes != first.classes:
            raise InvalidData(
                f"{member.run.folder}: its classes are {', '.join(other.classes)}, those of "
                f"{members[0].run.folder} {', '.join(first.classes)}; one model has one list"
            )
        if other.description.preprocessing.size != size:
            raise InvalidData(
                f"{member.run.folder}: its input has {other.description.preprocessing.size} pixels "
                f"a side, that of {members[0].run.folder} {size}; train them at one size"
            )
    return members


def share_split(members: Sequence[Member]) -> bool:
    """Returns whether all members were trained, chosen and tested on the same images."""
    return len({member.split.fingerprint for member in members}) == 1


def compute_mean_logits(
    members: Sequence[Member], batches: Sequence[Batch], *, flip: bool
) -> Values:
    """Computes the logits that the graph of the members must give.

    Args:
        members: one or more.
        batches: of N images.
        flip: whether the mirror of each image is answered too.

    Returns:
        (N, K): a single network's logits; else the logarithms of the mean of the calibrated
        probabilities over members and views.
    """
    if len(members) == 1 and not flip:
        return _logits(members[0].checkpoint, batches)
    return _mean([_logs(member, batches, flip=flip) for member in members])


def predict_held_out(members: Sequence[Member], *, flip: bool) -> Predictions:
    """Predicts validation images by those members alone whose validation images they are.

    So no image is answered by a network that was trained on it. Where all members share a split,
    all answer every validation image. Of the folds of a cross-validation one does, so that the
    answers are somewhat worse than those of the ensemble, and thresholds that are chosen on them
    rather too strict than too lax.

    Args:
        members: of one or several splits.
        flip: whether the mirror of each image is answered too.
    """
    entries, logs = {}, defaultdict(list)
    for member in members:
        validation = member.split.subset("validation")
        found = _logs(member, list(make_batches(member.cache, validation, BATCH)), flip=flip)
        for entry, row in zip(validation, found, strict=True):
            entries[entry.sha256] = entry
            logs[entry.sha256].append(row)
    return Predictions.from_logits(
        classes=members[0].checkpoint.classes,
        files=tuple(entry.file for entry in entries.values()),
        groups=tuple(entry.group for entry in entries.values()),
        labels=np.array([entry.label for entry in entries.values()], dtype=np.int64),
        logits=np.stack([_mean(logs[sha256]) for sha256 in entries]),
    )


def _logs(member: Member, batches: Sequence[Batch], *, flip: bool) -> Values:
    temperature = member.checkpoint.description.temperature
    views = [_logits(member.checkpoint, batches)]
    if flip:
        views.append(_logits(member.checkpoint, batches, _mirror))
    return _mean([log_softmax(each / temperature, axis=1) for each in views])


def _logits(checkpoint: Checkpoint, batches: Sequence[Batch], change: Change = unchanged) -> Values:
    preprocessing = checkpoint.description.preprocessing
    return compute_logits(checkpoint.network, preprocessing, batches, change=change)


def _mirror(images: Tensor) -> Tensor:
    return torch.flip(images, [3])


def _mean(logs: Sequence[Values]) -> Values:
    mean: Values = logsumexp(np.stack(logs), axis=0) - np.log(len(logs))
    return mean
