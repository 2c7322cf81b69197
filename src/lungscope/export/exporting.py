"""Exporting runs: their best checkpoints as a folder that answers without torch."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lungscope.atomic import atomic_folder, refuse_occupied, write_json
from lungscope.data.cache import Cache
from lungscope.data.overlap import hash_training_images
from lungscope.data.split import SplitEntry, sha256_of
from lungscope.errors import InvalidSetting
from lungscope.evaluation.predictions import Predictions
from lungscope.export.abstention_fit import choose_thresholds, fit_reference
from lungscope.export.averaging import AveragedModule
from lungscope.export.ensemble_card import FLIP_NOTE, write_ensemble_card
from lungscope.export.graph import ExportModule, build_graph, serialise_graph, trace_graph
from lungscope.export.members import (
    Member,
    compute_mean_logits,
    open_members,
    predict_held_out,
    share_split,
)
from lungscope.export.parity import (
    GraphOutputs,
    Parity,
    Precision,
    check_parity,
    parity_phantoms,
    run_graph,
)
from lungscope.export.quantisation import calibration_entries, quantise
from lungscope.inference.description import PRECISIONS, Description, ExportInfo, MemberInfo
from lungscope.inference.exported import DESCRIPTION, GRAPH, REFERENCE, TRAINING
from lungscope.progress import OnProgress, ignore
from lungscope.training.loading import Batch, make_batches
from lungscope.training.run import RunFolder
from lungscope.training.scoring import BATCH

PARITY = "parity.json"
CARD = "model_card.md"
ENSEMBLE = "ensemble"
"""What stands for the architecture of several networks."""


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


def export_runs(
    runs: Sequence[RunFolder],
    data: Path,
    folder: Path,
    precision: Precision = "fp32",
    *,
    flip: bool = False,
    use_gate: bool = True,
    force: bool = False,
    cache_folder: Path | None = None,
    progress: Callable[[str], OnProgress] = lambda _: ignore,
) -> ExportedRun:
    """Exports the best checkpoint, checks the graph against it, and writes everything or nothing.

    The best checkpoints of several runs become one graph that answers with the mean of their
    probabilities. When the model abstains is fitted on what the graph itself says of the training
    and validation images: the features of a graph in integers are not those of the checkpoint.

    Args:
        runs: one or more with a checkpoint, of the same classes and input size.
        data: the folder that the files of their splits are relative to.
        folder: `model.onnx model.json abstention.npz training.npz parity.json` go here, and
            `model_card.md`: that of the run, if it has one, or of the ensemble.
        precision: of the graph's arithmetic: "fp32", or "int8" for static quantisation that is
            calibrated on training images; of one run without `flip`.
        flip: whether the mean is also over each image and its mirror, which takes twice the time.
        use_gate: whether the model, wherever it is used, abstains from images that the gate does
            not take for upright frontal chest radiographs; False for other body parts.
        force: whether an exported model that is already there is replaced.
        cache_folder: where decoded images are kept; the user's cache folder by default.
        progress: given the name of a step, returns its progress callback.

    Raises:
        LungscopeError: no checkpoint, data that is not the split's, runs that do not go together,
            a folder that holds an exported model (unless `force`) or anything else, or a graph
            that answers otherwise than the checkpoints.
    """
    if precision not in PRECISIONS:
        raise InvalidSetting(f"precision is {precision!r:.40}; give one of {', '.join(PRECISIONS)}")
    averaged = len(runs) > 1 or flip
    if averaged and precision != "fp32":
        raise InvalidSetting(
            f"precision is {precision!r}, but only one run without flips becomes integers; export "
            "in fp32"
        )
    names = {GRAPH, DESCRIPTION, REFERENCE, TRAINING, PARITY, CARD}
    refuse_occupied(folder, names, "an exported model", force=force)
    members = open_members(runs, data, cache_folder)
    split, cache = members[0].split, members[0].cache
    described = _describe(members, flip=flip)
    graph = _graph(members, precision, flip=flip)
    validation = split.subset("validation")
    drawn = parity_phantoms(described.preprocessing.size)
    checked = run_graph(
        graph, [*_images(cache, validation), *drawn], progress("comparing with the checkpoint")
    )
    labels = np.array([entry.label for entry in validation])
    batches = [*make_batches(cache, validation, BATCH), _unlabelled(drawn)]
    expected = compute_mean_logits(members, batches, flip=flip)
    parity = check_parity(precision, checked.logits, expected, labels)
    parity.require()
    seen = run_graph(
        graph, _images(cache, split.subset("train")), progress("learning what X-rays look like")
    )
    reference = fit_reference(seen.features.astype(np.float64))
    distances = reference.distance(checked.features[: len(validation)])
    # the graph's own answers, unless a member was trained on these images
    predictions = (
        _predictions(described, validation, checked)
        if share_split(members)
        else predict_held_out(members, flip=flip)
    )
    thresholds = choose_thresholds(distances, predictions, use_gate=use_gate)
    salt = bytes.fromhex(described.weights_sha256)
    known = hash_training_images(
        [member.split for member in members],
        data,
        salt,
        on_progress=progress("hashing training images"),
    )
    with atomic_folder(folder) as new:
        (new / GRAPH).write_bytes(graph)
        reference.save(new / REFERENCE)
        known.save(new / TRAINING)
        hashes = {name: sha256_of(new / name) for name in (GRAPH, REFERENCE, TRAINING)}
        description = replace(
            described,
            abstention=thresholds.to_json(),
            export=ExportInfo(precision, hashes, flip, _list(members)),
        )
        description.save(new / DESCRIPTION)
        write_json(new / PARITY, parity.to_json())
        card = _card(members, description)
        if card is not None:
            (new / CARD).write_text(card, encoding="utf-8", newline="\n")
    return ExportedRun(description, parity, len(graph), folder)


def _graph(members: Sequence[Member], precision: Precision, *, flip: bool) -> bytes:
    first = members[0]
    if len(members) > 1 or flip:
        modules = [ExportModule.of(member.checkpoint) for member in members]
        size = first.checkpoint.description.preprocessing.size
        return serialise_graph(trace_graph(AveragedModule(modules, flip=flip), size))
    graph = build_graph(first.checkpoint)
    if precision == "int8":
        chosen = calibration_entries(first.split.subset("train"))
        graph = quantise(graph, np.stack(_images(first.cache, chosen)))
    return serialise_graph(graph)


def _describe(members: Sequence[Member], *, flip: bool) -> Description:
    """The description of the model, without what is fitted at the export."""
    first = members[0].checkpoint.description
    if len(members) == 1:
        # logarithms of calibrated probabilities have a temperature of 1
        return replace(first, temperature=1.0) if flip else first
    hashes = [member.checkpoint.description.weights_sha256 for member in members]
    return Description(
        architecture=ENSEMBLE,
        se_reduction=first.se_reduction,
        classes=first.classes,
        preprocessing=first.preprocessing,
        weights_sha256=hashlib.sha256(" ".join(hashes).encode()).hexdigest(),
        data_fingerprint=first.data_fingerprint if share_split(members) else "",
        versions=first.versions,
    )


def _list(members: Sequence[Member]) -> tuple[MemberInfo, ...]:
    if len(members) == 1:
        return ()
    described = [member.checkpoint.description for member in members]
    return tuple(
        MemberInfo(each.identity, each.weights_sha256, each.temperature, each.data_fingerprint)
        for each in described
    )


def _card(members: Sequence[Member], description: Description) -> str | None:
    flip = description.export is not None and description.export.flip
    if len(members) > 1:
        return write_ensemble_card(description, members, flip=flip)
    card = members[0].run.folder / CARD
    if not card.is_file():
        return None
    return (FLIP_NOTE + "\n\n" if flip else "") + card.read_text(encoding="utf-8")


def _images(cache: Cache, entries: Sequence[SplitEntry]) -> list[NDArray[np.uint8]]:
    """(S, S) each, read from the cache's file when they are looked at."""
    return [cache.pixels[row] for row in cache.rows(entries).tolist()]


def _unlabelled(drawn: NDArray[np.uint8]) -> Batch:
    nothing = torch.zeros(len(drawn), dtype=torch.int64)
    return Batch(torch.from_numpy(drawn).unsqueeze(1), nothing, nothing)


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
