"""One training step and one validation step, under Lightning."""

from contextlib import nullcontext
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy
from torchvision.transforms.v2 import CutMix, Identity, MixUp, RandomChoice, Transform

from lungscope.data.augmentation import augment, draw_views
from lungscope.data.photometric import vary_photometry
from lungscope.errors import InvalidSetting
from lungscope.images import Preprocessing
from lungscope.models import Network
from lungscope.models.network import normalise, to_unit
from lungscope.training.cells import score_epoch
from lungscope.training.distillation import Teaching, distillation_losses
from lungscope.training.group_dro import GroupDRO
from lungscope.training.loading import Batch, FeatureBatch
from lungscope.training.mixed_styles import MixedStyles
from lungscope.training.optimisation import make_optimizer, rate_factor
from lungscope.training.recipe import Recipe
from lungscope.training.surroundings import swap_surroundings
from lungscope.training.within_sources import WithinSources


class _Answered(NamedTuple):
    """The answers for a batch of random views.

    Attributes:
        logits: (B, K) float.
        targets: (B,) int64 labels, or (B, K) proportions of classes where images are mixed.
        taught: (B, K) float32, the teachers' probabilities; None without teachers.
    """

    logits: Tensor
    targets: Tensor
    taught: Tensor | None


class LungTraining(L.LightningModule):
    """Trains a network by a recipe (paper, section III-B).

    Every random draw of a step follows from the recipe's seed and the numbers of epoch and step
    alone, so that a training that is resumed continues as if it had never stopped. A batch of
    features takes the draws that a batch of the same images takes.

    Logs once an epoch: `train_loss`, `train_accuracy` (of the augmented images, as they pass),
    `validation_loss`, `validation_accuracy` and `validation_score`.

    Args:
        network: what is trained.
        classes: number of classes, K.
        recipe: how.
        preprocessing: of the network's input.
        cells: number of cells of class and source of the training images.
        teaching: what it learns from besides labels, of a recipe with distillation.
        within_sources: the loss of a recipe with `within_sources`.
    """

    def __init__(
        self,
        network: Network,
        classes: int,
        recipe: Recipe,
        preprocessing: Preprocessing,
        cells: int = 1,
        teaching: Teaching | None = None,
        within_sources: WithinSources | None = None,
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self._frozen = list(network.features.children())[: recipe.frozen_layers]
        for layer in self._frozen:
            layer.requires_grad_(False)
        self.recipe = recipe
        self.preprocessing = preprocessing
        self.train_loss = MeanMetric()
        self.train_accuracy = MulticlassAccuracy(classes, average="micro")
        self.validation_loss = MeanMetric()
        self.validation_accuracy = MulticlassAccuracy(classes, average="micro")
        self._draws = torch.Generator()
        self._mix = _mixing(recipe, classes)
        self._styles = MixedStyles(network, recipe.mixstyle) if recipe.mixstyle else nullcontext()
        # in the checkpoint only where a recipe asks for it: others are read as before
        self.group_dro = GroupDRO(cells, recipe.group_dro) if recipe.group_dro else None
        self._teaching = teaching
        self._within_sources = within_sources
        self._judged: list[tuple[Tensor, Tensor]] = []

    def on_train_epoch_start(self) -> None:
        """Puts the trained layers into training mode; validation put them into evaluation mode."""
        self.network.train()
        for layer in self._frozen:
            layer.eval()  # statistics of BatchNorm are weights too
        if self._teaching is not None:
            self._teaching.to(self.device)

    def training_step(self, batch: Batch | FeatureBatch, step: int) -> Tensor:
        """Augments, normalises and classifies a batch.

        Returns:
            () what is minimised, in nats: the mean loss of its images or, of group DRO, the
            weighted sum of its cells' losses. A mixed image is of the cell of the first of its
            pair.
        """
        self._seed(step)
        answered = self._answer_random_views(batch)
        losses = self._losses(answered, batch.cells)
        self._refuse_no_number(losses.mean(), "training")
        self.train_loss.update(losses.detach())
        self.train_accuracy.update(answered.logits.detach(), batch.labels)
        self.log("train_loss", self.train_loss, on_step=False, on_epoch=True)
        self.log("train_accuracy", self.train_accuracy, on_step=False, on_epoch=True)
        return losses.mean() if self.group_dro is None else self.group_dro(losses, batch.cells)

    def validation_step(self, batch: Batch | FeatureBatch, _: int) -> None:
        """Classifies a batch without augmentation and adds to the validation metrics."""
        labels = batch.labels
        logits = self._logits(batch)
        loss = cross_entropy(logits, labels)
        self._refuse_no_number(loss, "validation")
        self.validation_loss.update(loss, weight=len(labels))
        self.validation_accuracy.update(logits, labels)
        self._judged.append(((logits.argmax(dim=1) == labels).cpu(), batch.cells.cpu()))
        self.log("validation_loss", self.validation_loss, on_step=False, on_epoch=True)
        self.log("validation_accuracy", self.validation_accuracy, on_step=False, on_epoch=True)

    def on_validation_epoch_end(self) -> None:
        """Logs the score that the best epoch is chosen by."""
        correct, cells = (torch.cat(part).numpy() for part in zip(*self._judged, strict=True))
        self._judged.clear()
        self.log("validation_score", score_epoch(correct, cells, self.recipe.selection))

    def configure_optimizers(self) -> Any:
        """Makes the optimiser over the trained parameters, and its schedule by steps."""
        trained = [p for p in self.network.parameters() if p.requires_grad]
        # biases and the two vectors of a normalisation layer only set a scale: decay would move it
        decayed = [p for p in trained if p.ndim > 1]
        others = [p for p in trained if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": self.recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        optimizer = make_optimizer([group for group in groups if group["params"]], self.recipe)
        steps = self.trainer.estimated_stepping_batches / self.recipe.epochs  # of an epoch
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate_factor(self.recipe, step / steps)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _losses(self, answered: _Answered, cells: Tensor) -> Tensor:
        recipe = self.recipe
        logits, targets, smoothing = answered.logits, answered.targets, recipe.label_smoothing
        if self._within_sources is None:
            losses = cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
        else:
            losses = self._within_sources.losses(logits, targets, cells, smoothing)
        if answered.taught is None:
            return losses
        learnt = distillation_losses(
            answered.logits, answered.taught, recipe.distillation_temperature
        )
        return (1 - recipe.distillation) * losses + recipe.distillation * learnt

    def _answer_random_views(self, batch: Batch | FeatureBatch) -> _Answered:
        policy = self.recipe.augmentation
        if isinstance(batch, FeatureBatch):
            views = draw_views(len(batch.labels), policy, self._draws)
            return _Answered(self._classified(batch.of(views)), batch.labels, None)
        size = self.recipe.size_in(self.current_epoch)
        images = to_unit(batch.pixels)
        if batch.lungs is not None:
            probability = self.recipe.swap_surroundings
            images = swap_surroundings(images, batch.lungs, probability, self._draws)
        images = augment(_resized(images, size), policy, self._draws)
        images = vary_photometry(images, self.recipe.photometric, self._draws)
        images, targets = self._mix(images, batch.labels)
        taught = None if self._teaching is None else self._teaching.answer(images)
        with self._styles:
            return _Answered(self._scored(images), targets, taught)

    def _logits(self, batch: Batch | FeatureBatch) -> Tensor:
        if isinstance(batch, FeatureBatch):
            only = torch.zeros_like(batch.labels)  # validation images have one view
            return self._classified(batch.of(only))
        return self._scored(to_unit(batch.pixels))

    def _classified(self, features: Tensor) -> Tensor:
        logits: Tensor = self.network.classifier(features)
        return logits

    def _scored(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(normalise(images, self.preprocessing))
        return logits

    def _refuse_no_number(self, loss: Tensor, which: str) -> None:
        # in the step where it happens: Lightning would train on, and save NaN as the last epoch
        if not torch.isfinite(loss):
            raise InvalidSetting(
                f"the {which} loss became {loss.item()} in epoch {self.current_epoch + 1}; "
                f"try a smaller learning rate than {self.recipe.learning_rate:g}"
            )

    def _seed(self, step: int) -> None:
        # In every step and not once an epoch: data loaders draw from the same global generator,
        # and a resumed epoch must find the same state at its first step.
        position = np.random.SeedSequence([self.recipe.seed, self.current_epoch, step])
        augmentation, dropout = position.generate_state(2)
        self._draws.manual_seed(int(augmentation))
        torch.manual_seed(int(dropout))


def _mixing(recipe: Recipe, classes: int) -> Transform:
    """Makes what mixes the pairs of a batch: one of those that the recipe has, or nothing."""
    kinds = {MixUp: recipe.mixup, CutMix: recipe.cutmix}
    chosen = [
        kind(alpha=float(alpha), num_classes=classes) for kind, alpha in kinds.items() if alpha
    ]
    return RandomChoice(chosen) if chosen else Identity()


def _resized(images: Tensor, size: int) -> Tensor:
    if images.shape[-1] <= size:
        return images
    return interpolate(images, size=size, mode="bilinear", antialias=True, align_corners=False)
