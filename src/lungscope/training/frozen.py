"""Features of a frozen backbone, computed once instead of in every epoch.

Where only the classifier is trained, an image's features never change. Those of the validation
images, which are not augmented, are held in memory; those of the training images too, where the
recipe's flips can show an image in a few ways only. A rotation shows an image differently every
time: then the training images go through the backbone in every epoch, as all images do where the
features would not fit.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lungscope.data.augmentation import Augmentation, view
from lungscope.images import Preprocessing
from lungscope.models import Network
from lungscope.models.network import normalise, to_unit
from lungscope.progress import OnProgress, ignore, part_of
from lungscope.training.loading import CachedFeatures, CachedImages, SubsetImages
from lungscope.training.recipe import Recipe
from lungscope.training.scoring import BATCH

LIMIT = 2 * 2**30
"""Bytes of main memory that the features of both subsets may take together."""

AS_IT_IS = Augmentation(0, 0, 0)


@dataclass(frozen=True, eq=False)
class FrozenBackbone:
    """The stages of a network that training does not change.

    Attributes:
        network: frozen, channels last in memory, on the device to compute on.
        preprocessing: its mean and standard deviation.
    """

    network: Network
    preprocessing: Preprocessing

    def __call__(self, images: Tensor) -> Tensor:
        """Computes the input of the classifier, in evaluation mode.

        Args:
            images: (B, 1, S, S) float32 in [0, 1].

        Returns:
            (B, ...) float, without a gradient.
        """
        # evaluation mode: batch normalisation must not drift with the data, nor dropout draw
        features, pool = self.network.features.eval(), self.network.pool.eval()
        with torch.no_grad():
            pooled: Tensor = pool(features(normalise(images, self.preprocessing)))
        return pooled

    def of_an_image(self) -> Tensor:
        """Computes the features of a black image, (...), for the shape and type of any image's."""
        size = self.preprocessing.size
        return self(torch.zeros(1, 1, size, size, device=self._device))[0]

    def of_all(
        self, images: CachedImages, policy: Augmentation, on_progress: OnProgress = ignore
    ) -> CachedFeatures:
        """Computes the features of all views of all images.

        Args:
            images: N images.
            policy: an augmentation that has V `views`.
            on_progress: called after every batch with views of images (done, total).

        Returns:
            (N, V, ...) features in main memory, the views in the policy's order.
        """
        one = self.of_an_image()
        count, views = len(images), policy.views
        features = torch.empty((count, len(views), *one.shape), dtype=one.dtype)
        # parts of even size: a small rest would be computed by other kernels, to other bits
        for rows in torch.arange(count).tensor_split(-(-count // BATCH)):
            units = to_unit(images.__getitems__(rows.tolist()).pixels.to(self._device))
            for number, flips in enumerate(views):
                features[rows, number] = self(view(units, policy, flips)).cpu()
            on_progress((int(rows[-1]) + 1) * len(views), count * len(views))
        return CachedFeatures(features, images.labels, images.cells)

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device


def features_where_they_fit(
    backbone: FrozenBackbone,
    training: CachedImages,
    validation: CachedImages,
    recipe: Recipe,
    on_progress: OnProgress = ignore,
) -> tuple[SubsetImages, SubsetImages]:
    """Takes images through the backbone once for all, as far as that saves work and fits `LIMIT`.

    The training images' views are only computed where they are no more than the epochs of the
    shortest training that the recipe allows, so that this costs no more than it saves.

    Args:
        backbone: of the network that is trained.
        training: images of that subset.
        validation: images of that subset.
        recipe: how they are augmented, and for how many epochs at least.
        on_progress: called after every batch with views of images (done, total).

    Returns:
        Training and validation subset: features, or the images as they were given.
    """
    one = backbone.of_an_image()
    room = LIMIT // (one.numel() * one.element_size())
    plain = len(validation)  # first: they are used in every epoch and have one view
    if plain > room:
        return training, validation
    # teachers are asked about the images themselves
    held_views = recipe.has_few_views and not recipe.distillation
    views = len(recipe.augmentation.views) if held_views else 0
    varied = len(training) * views
    # the shortest training stops after `patience` epochs without a better one than the first
    if views > min(recipe.epochs, recipe.patience + 1) or plain + varied > room:
        varied = 0
    total = plain + varied
    held = backbone.of_all(validation, AS_IT_IS, part_of(on_progress, 0, total))
    if not varied:
        return training, held
    policy = recipe.augmentation
    return (
        backbone.of_all(training, policy, part_of(on_progress, plain, total)),
        held,
    )
