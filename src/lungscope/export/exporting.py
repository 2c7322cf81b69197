"""Exporting a run: its best checkpoint as a folder that answers without torch."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lungscope.atomic import atomic_folder, refuse_occupied, write_json
from lungscope.data.cache import Cache
from lungscope.data.overlap import hash_training_images
from lungscope.data.split import Split, SplitEntry, sha256_of
from lungscope.errors import InvalidSetting
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.run_evaluation import open_evaluated
from lungscope.export.abstention_fit import choose_thresholds, fit_reference
from lungscope.export.graph import build_graph, serialise_graph
from lungscope.export.parity import (
    GraphOutputs,
    Parity,
    Precision,
    check_parity,
    parity_phantoms,
    run_graph,
)
from lungscope.export.quantisation import calibration_entries, quantise
from lungscope.inference.description import PRECISIONS, Description, ExportInfo
from lungscope.inference.exported import DESCRIPTION, GRAPH, REFERENCE, TRAINING
from lungscope.models.checkpoint import Checkpoint
from lungscope.progress import OnProgress, ignore
from lungscope.training.loading import Batch, make_batches
from lungscope.training.run import RunFolder
from lungscope.training.scoring import BATCH, compute_logits

PARITY = "parity.json"
CARD = "model_card.md"


@dataclass(frozen=True)
class ExportedRun:
    """An exported model, and how it was checked.

    Attributes:
        description: the content of its `model.json`.
        parity: with the checkpoint.
        size: of `model.onnx` in bytes.
        folder: where it is.
    """

    description: Description
    parity: Parity
    size: int
    folder: Path

    def to_json(self) -> dict[str, Any]:
        """Returns what `lungscope export --json` prints."""
        return {
            "folder": str(self.folder),
            "model": self.description.identity,
            "bytes": self.size,
            "parity": self.parity.to_json(),
            "abstention": dict(self.description.abstention),
        }


def export_run(
    run: RunFolder,
    data: Path,
    folder: Path,
    precision: Precision = "fp32",
    *,
    use_gate: bool = True,
    force: bool = False,
    cache_folder: Path | None = None,
    progress: Callable[[str], OnProgress] = lambda _: ignore,
) -> ExportedRun:
    """Exports the best checkpoint, checks the graph against it, and writes everything or nothing.

    When the model abstains is fitted on what the graph itself says of the training and validation
    images: the features of a graph in integers are not those of the checkpoint.

    Args:
        run: a run with a checkpoint.
        data: the folder that the split's files are relative to.
        folder: `model.onnx model.json abstention.npz training.npz parity.json` go here, and the
            run's `model_card.md` if it has one.
        precision: of the graph's arithmetic: "fp32", or "int8" for static quantisation that is
            calibrated on training images.
        use_gate: whether the model, wherever it is used, abstains from images that the gate does
            not take for upright frontal chest radiographs; False for other body parts.
        force: whether an exported model that is already there is replaced.
        cache_folder: where decoded images are kept; the user's cache folder by default.
        progress: given the name of a step, returns its progress callback.

    Raises:
        LungscopeError: no checkpoint, data that is not the split's, a folder that holds an
            exported model (unless `force`) or anything else, or a graph that answers otherwise
            than the checkpoint.
    """
    if precision not in PRECISIONS:
        raise InvalidSetting(f"precision is {precision!r:.40}; give one of {', '.join(PRECISIONS)}")
    names = {GRAPH, DESCRIPTION, REFERENCE, TRAINING, PARITY, CARD}
    refuse_occupied(folder, names, "an exported model", force=force)
    checkpoint, split, cache = open_evaluated(run, data, cache_folder)
    graph = _graph(checkpoint, split, cache, precision)
    validation = split.subset("validation")
    drawn = parity_phantoms(checkpoint.description.preprocessing.size)
    checked = run_graph(
        graph, [*_images(cache, validation), *drawn], progress("comparing with the checkpoint")
    )
    labels = np.array([entry.label for entry in validation])
    expected = _expected(checkpoint, cache, validation, drawn)
    parity = check_parity(precision, checked.logits, expected, labels)
    parity.require()
    seen = run_graph(
        graph, _images(cache, split.subset("train")), progress("learning what X-rays look like")
    )
    reference = fit_reference(seen.features.astype(np.float64))
    thresholds = choose_thresholds(
        reference.distance(checked.features[: len(validation)]),
        _predictions(checkpoint.description, validation, checked),
        use_gate=use_gate,
    )
    salt = bytes.fromhex(checkpoint.description.weights_sha256)
    known = hash_training_images(split, data, salt, on_progress=progress("hashing training images"))
    with atomic_folder(folder) as new:
        (new / GRAPH).write_bytes(graph)
        reference.save(new / REFERENCE)
        known.save(new / TRAINING)
        hashes = {name: sha256_of(new / name) for name in (GRAPH, REFERENCE, TRAINING)}
        description = replace(
            checkpoint.description,
            abstention=thresholds.to_json(),
            export=ExportInfo(precision, hashes),
        )
        description.save(new / DESCRIPTION)
        write_json(new / PARITY, parity.to_json())
        if (run.folder / CARD).is_file():
            shutil.copyfile(run.folder / CARD, new / CARD)
    return ExportedRun(description, parity, len(graph), folder)


def _graph(checkpoint: Checkpoint, split: Split, cache: Cache, precision: Precision) -> bytes:
    graph = build_graph(checkpoint)
    if precision == "int8":
        chosen = calibration_entries(split.subset("train"))
        graph = quantise(graph, np.stack(_images(cache, chosen)))
    return serialise_graph(graph)


def _images(cache: Cache, entries: Sequence[SplitEntry]) -> list[NDArray[np.uint8]]:
    """(S, S) each, read from the cache's file when they are looked at."""
    return [cache.pixels[row] for row in cache.rows(entries).tolist()]


def _expected(
    checkpoint: Checkpoint,
    cache: Cache,
    entries: Sequence[SplitEntry],
    drawn: NDArray[np.uint8],
) -> NDArray[np.float64]:
    """The network's logits, (R + P, K)."""
    unlabelled = torch.zeros(len(drawn), dtype=torch.int64)
    phantoms = Batch(torch.from_numpy(drawn).unsqueeze(1), unlabelled, unlabelled)
    asked = chain(make_batches(cache, entries, BATCH), [phantoms])
    return compute_logits(checkpoint.network, checkpoint.description.preprocessing, asked)


def _predictions(
    description: Description, entries: Sequence[SplitEntry], given: GraphOutputs
) -> Predictions:
    return Predictions.from_logits(
        classes=description.classes,
        files=tuple(entry.file for entry in entries),
        groups=tuple(entry.group for entry in entries),
        labels=np.array([entry.label for entry in entries], dtype=np.int64),
        logits=given.logits[: len(entries)].astype(np.float64) / description.temperature,
    )
