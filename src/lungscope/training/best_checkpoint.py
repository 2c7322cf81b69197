"""The best epoch of a training becomes the checkpoint that leaves the run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from lungscope.data.cache import Cache
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network
from lungscope.models.checkpoint import save_checkpoint
from lungscope.models.temperature import fit_temperature
from lungscope.training.cells import judging_weights, number_cells
from lungscope.training.history import Epoch
from lungscope.training.loading import make_batches
from lungscope.training.run import RunFolder, versions
from lungscope.training.scoring import BATCH, compute_logits


def save_best_checkpoint(
    run: RunFolder, cache: Cache, preprocessing: Preprocessing, best: Epoch, device: str
) -> None:
    """Writes `checkpoint/` from `best.ckpt`, with a temperature fitted on the validation subset.

    Args:
        run: whose best epoch.
        cache: its images, decoded at the model's input size.
        preprocessing: of the network's input.
        best: the epoch that `best.ckpt` is of.
        device: "cpu" or "cuda".
    """
    recipe, split = run.recipe, run.split
    prefix = "network."
    saved = torch.load(run.best, map_location="cpu", weights_only=True)["state_dict"]
    state = {key[len(prefix) :]: value for key, value in saved.items() if key.startswith(prefix)}
    network = build_network(recipe.model, Shape(len(split.classes), recipe.se_reduction))
    network.load_state_dict(state, strict=True)
    validation = split.subset("validation")
    temperature = fit_temperature(
        compute_logits(network, preprocessing, make_batches(cache, validation, BATCH), device),
        np.array([entry.label for entry in validation], dtype=np.int64),
        judging_weights(number_cells(validation), recipe.selection),
    )
    description = Description(
        architecture=recipe.model,
        se_reduction=recipe.se_reduction,
        classes=split.classes,
        preprocessing=preprocessing,
        weights_sha256="",
        temperature=temperature.value,
        data_fingerprint=split.fingerprint,
        recipe=replace(recipe, weights=Path(recipe.weights).name).to_json(),
        metrics={
            "epoch": best.epoch,
            "validation_loss": temperature.nll_before,
            "validation_loss_calibrated": temperature.nll_after,
            "validation_accuracy": best.validation_accuracy,
        },
        versions=versions(),
    )
    save_checkpoint(run.checkpoint, state, description)
