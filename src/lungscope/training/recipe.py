"""A recipe: everything that decides what comes out of a training, as data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lungscope.atomic import refuse_existing, write_json
from lungscope.config_file import read_mapping
from lungscope.errors import InvalidSetting
from lungscope.text import html_table
from lungscope.training.setting import list_settings, setting

if TYPE_CHECKING:
    from lungscope.data.augmentation import Augmentation
    from lungscope.data.photometric import Photometric

# Nothing here may import torch: the command line makes its options from these fields.

_MODEL = "Recipe: model"
_LENGTH = "Recipe: length and batches"
_OPTIMISER = "Recipe: optimiser and schedule"
_AUGMENTATION = "Recipe: augmentation"
_PHOTOMETRIC = "Recipe: photometric augmentation"
_GENERALISATION = "Recipe: generalisation"

_STRIDE = 32
"""Pixels of the input for a pixel of the last feature map, of all networks."""

Optimiser = Literal["sgd", "adamw"]
Schedule = Literal["step", "cosine"]
Normalisation = Literal["training", "image"]
Selection = Literal["accuracy", "balanced", "worst-cell"]
"""How an epoch is judged on validation images: by the proportion that is classified correctly, or
by the mean or the least of that proportion over the cells of class and source."""


@dataclass(frozen=True, repr=False)
class Recipe:
    """How to train. The paper's recipe unless a field says otherwise (sections III-B to III-D).

    Each field is declared once, by `setting`; `lungscope train --help` lists all with their
    ranges. See docs/how-to/add-a-recipe-field.md.

    Raises:
        InvalidSetting: a field has another type, is out of range, or is not one of its choices.

    Examples:
        >>> Recipe(model="resnet18", epochs=20).learning_rate
        0.01
        >>> Recipe(rotation=200)
        Traceback (most recent call last):
        ...
        lungscope.errors.InvalidSetting: recipe: rotation is 200; give 0 to 180
    """

    model: str = setting(
        "mobilenet-lung",
        help="Architecture; see `lungscope models`",
        panel=_MODEL,
        unnamed="any of seven",
        flags=("-m",),
    )
    weights: str = setting(
        "imagenet",
        help="Initial weights: imagenet, robust, paper, none, a folder or file",
        panel=_MODEL,
    )
    frozen_layers: int = setting(
        0,
        low=0,
        high=1000,
        help="Layers of the backbone, from the input on, that keep their initial weights",
        panel=_MODEL,
    )
    size: int = setting(
        224, low=32, high=1024, help="Width and height of the input, pixels", panel=_MODEL
    )
    normalisation: Normalisation = setting(
        "training",
        help="Mean and standard deviation that grey values are scaled by: of the training images, "
        "or of each image by itself",
        panel=_MODEL,
    )
    start_size: int | None = setting(
        None,
        low=32,
        high=1024,
        help="Width and height of training images at first; rises to the input's over the epochs",
        panel=_GENERALISATION,
    )
    # torchvision's habit; the paper names none
    batch_size: int = setting(
        32, low=1, high=4096, help="Images per step", panel=_LENGTH, unnamed="names none"
    )
    learning_rate: float = setting(
        0.01, low=1e-8, high=10, help="Initial learning rate", panel=_OPTIMISER
    )
    optimiser: Optimiser = setting("sgd", help="Optimiser", panel=_OPTIMISER)
    momentum: float = setting(
        0.9, low=0, high=0.9999, help="Momentum; of AdamW its first beta", panel=_OPTIMISER
    )
    weight_decay: float = setting(
        0.0,
        low=0,
        high=1,
        help="Weight decay; of biases and normalisation layers none",
        panel=_OPTIMISER,
        unnamed="names none",
    )
    schedule: Schedule = setting(
        "step", help="Schedule of the learning rate: drops, or a cosine to zero", panel=_OPTIMISER
    )
    warmup: int = setting(
        0,
        low=0,
        high=1000,
        help="Epochs over which the learning rate first rises to its initial value",
        panel=_OPTIMISER,
    )
    lr_step: int = setting(
        10,
        low=1,
        high=10_000,
        help="Epochs between drops of the learning rate; of the schedule step",
        panel=_OPTIMISER,
    )
    lr_gamma: float = setting(
        0.1,
        low=1e-6,
        high=1,
        help="Factor of each drop of the learning rate; of the schedule step",
        panel=_OPTIMISER,
    )
    # the paper has no limit but its patience; its longest training took about 33 epochs
    epochs: int = setting(
        100,
        low=1,
        high=10_000,
        help="Maximum number of epochs",
        panel=_LENGTH,
        unnamed="names none",
    )
    patience: int = setting(
        10,
        low=1,
        high=10_000,
        help="Epochs without a better validation score before stopping",
        panel=_LENGTH,
    )
    selection: Selection = setting(
        "accuracy",
        help="Validation score that chooses the epoch; over cells of class and source",
        panel=_GENERALISATION,
    )
    balance_classes: float = setting(
        0.0,
        low=0,
        high=1,
        help="How equally often classes are drawn; 0: as they are, 1: equally",
        panel=_GENERALISATION,
    )
    balance_sources: float = setting(
        0.0,
        low=0,
        high=1,
        help="How equally often the sources of a class are drawn; 0: as they are, 1: equally",
        panel=_GENERALISATION,
    )
    group_dro: float = setting(
        0.0,
        low=0,
        high=1,
        help="Step size of group DRO over cells of class and source, e.g. 0.01; 0: none",
        panel=_GENERALISATION,
    )
    within_sources: float = setting(
        0.0,
        low=0,
        high=1,
        help="How much less sources with only normal, or no normal, images count in learning "
        "normal from abnormal; 1: not at all",
        panel=_GENERALISATION,
    )
    distillation: float = setting(
        0.0,
        low=0,
        high=1,
        help="Weight of the teachers' part of the loss; 0: no teachers",
        panel=_GENERALISATION,
    )
    distillation_temperature: float = setting(
        2.0,
        low=0.1,
        high=100,
        help="Temperature of what teachers answer",
        panel=_GENERALISATION,
        unnamed="has no teachers",
    )
    label_smoothing: float = setting(
        0.0, low=0, high=0.5, help="Label smoothing of the training loss", panel=_GENERALISATION
    )
    mixup: float = setting(
        0.0,
        low=0,
        high=10,
        help="Alpha of mixup, of pairs of training images; 0: none",
        panel=_GENERALISATION,
    )
    cutmix: float = setting(
        0.0,
        low=0,
        high=10,
        help="Alpha of CutMix, in half of the batches where there is mixup too; 0: none",
        panel=_GENERALISATION,
    )
    mixstyle: float = setting(
        0.0,
        low=0,
        high=1,
        help="Probability that a batch's images mix the statistics of their early features",
        panel=_GENERALISATION,
    )
    swap_surroundings: float = setting(
        0.0,
        low=0,
        high=1,
        help="Probability that what surrounds the lungs is that of another image of the batch",
        panel=_GENERALISATION,
    )
    ema: float = setting(
        0.0,
        low=0,
        high=0.99999,
        help="Decay of the moving average of weights that is validated and kept; 0: none",
        panel=_GENERALISATION,
    )
    flip_horizontal: float = setting(
        0.5, low=0, high=1, help="Probability of a horizontal flip", panel=_AUGMENTATION
    )
    flip_vertical: float = setting(
        0.5, low=0, high=1, help="Probability of a vertical flip", panel=_AUGMENTATION
    )
    rotation: float = setting(
        10.0, low=0, high=180, help="Maximum rotation, degrees", panel=_AUGMENTATION
    )
    zoom: float = setting(
        0.0, low=0, high=0.9, help="Maximum zoom; 0.1: by up to 1.1", panel=_AUGMENTATION
    )
    shift: float = setting(
        0.0, low=0, high=0.9, help="Maximum shift, proportion of the side", panel=_AUGMENTATION
    )
    stretch: float = setting(
        0.0, low=0, high=0.9, help="Maximum change of the aspect ratio", panel=_AUGMENTATION
    )
    brightness: float = setting(
        0.0, low=0, high=1, help="Maximum change of brightness", panel=_PHOTOMETRIC
    )
    contrast: float = setting(
        0.0, low=0, high=0.9, help="Maximum change of contrast; 0.5: by 1.5", panel=_PHOTOMETRIC
    )
    gamma: float = setting(
        0.0, low=0, high=5, help="Maximum change of gamma; 0.5: to 1.5", panel=_PHOTOMETRIC
    )
    equalize: float = setting(
        0.0, low=0, high=1, help="Probability of histogram equalisation", panel=_PHOTOMETRIC
    )
    histogram: float = setting(
        0.0,
        low=0,
        high=1,
        help="Probability of taking on the grey values of another image of the batch",
        panel=_PHOTOMETRIC,
    )
    amplitude: float = setting(
        0.0,
        low=0,
        high=1,
        help="Probability of taking on the amplitudes of another image's Fourier transform",
        panel=_PHOTOMETRIC,
    )
    sharpness: float = setting(
        0.0, low=0, high=1, help="Maximum change of sharpness", panel=_PHOTOMETRIC
    )
    low_resolution: float = setting(
        0.0, low=0, high=1, help="Probability of downscaling and back", panel=_PHOTOMETRIC
    )
    resolution: float = setting(
        1.0, low=0.05, high=1, help="Lowest resolution that is downscaled to", panel=_PHOTOMETRIC
    )
    jpeg: float = setting(
        0.0, low=0, high=1, help="Probability of JPEG compression", panel=_PHOTOMETRIC
    )
    noise: float = setting(
        0.0, low=0, high=1, help="Maximum standard deviation of noise", panel=_PHOTOMETRIC
    )
    erase_border: float = setting(
        0.0, low=0, high=1, help="Probability that the border is covered", panel=_PHOTOMETRIC
    )
    erase_corners: float = setting(
        0.0, low=0, high=1, help="Probability of each corner to be covered", panel=_PHOTOMETRIC
    )
    se_reduction: int = setting(
        16,
        low=1,
        high=32,
        help="Reduction of MobileNet-Lung's Squeeze-and-Excitation block",
        panel=_MODEL,
        unnamed="names none",
    )
    seed: int = setting(
        0,
        low=0,
        high=2**32 - 1,
        help="Seed of new weights, image order, augmentation and dropout",
        panel=_LENGTH,
        unnamed="names none",
    )

    def __post_init__(self) -> None:
        for name, each in list_settings(self).items():
            value = getattr(self, name)
            each.convert(list(value) if isinstance(value, tuple) else value)  # refuses other types
            each.check(value)
        if self.batch_size == 1 and self.size_in(0) <= _STRIDE:
            raise InvalidSetting(
                f"recipe: a batch_size of 1 with images of {_STRIDE} pixels leaves BatchNorm one "
                "value a channel; give a larger batch or larger images"
            )

    @property
    def augmentation(self) -> "Augmentation":
        """How training images are moved."""
        from lungscope.data.augmentation import Augmentation

        return Augmentation(**self._of(Augmentation))

    @property
    def photometric(self) -> "Photometric":
        """How the grey values and the detail of training images are varied."""
        from lungscope.data.photometric import Photometric

        return Photometric(**self._of(Photometric))

    @property
    def has_few_views(self) -> bool:
        """Whether a training image is only ever seen in the views of its augmentation."""
        from lungscope.data.photometric import NO_PHOTOMETRIC

        return bool(
            self.augmentation.views
            and self.photometric == NO_PHOTOMETRIC
            and self.mixup == self.cutmix == self.mixstyle == self.swap_surroundings == 0
            and self.start_size is None
        )

    def size_in(self, epoch: int) -> int:
        """Returns the side of training images in an epoch, pixels.

        From `start_size` it rises to `size` in steps of 32 pixels, each for as many epochs; the
        network's strides are 32. Validation images always have `size`.

        Args:
            epoch: counted from 0.

        Examples:
            >>> recipe = Recipe(size=224, start_size=128, epochs=20)
            >>> [recipe.size_in(epoch) for epoch in (0, 4, 5, 19)]
            [128, 128, 160, 224]
        """
        if self.start_size is None or self.start_size >= self.size:
            return self.size
        sizes = [*range(self.start_size, self.size, 32), self.size]
        return int(sizes[min(epoch * len(sizes) // self.epochs, len(sizes) - 1)])

    def _of(self, kind: type) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(kind)}

    def __repr__(self) -> str:
        """Names the fields that are not the paper's, as in the call that makes the recipe."""
        settings = list_settings(self).values()
        changed = ((each.name, getattr(self, each.name), each.default) for each in settings)
        listed = ", ".join(f"{name}={value!r}" for name, value, usual in changed if value != usual)
        return f"Recipe({listed})"

    def _repr_html_(self) -> str:
        rows = [
            (each.meaning, getattr(self, each.name), each.unnamed or each.default)
            for each in list_settings(self).values()
        ]
        return html_table(("recipe", "value", "paper"), rows)

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object with every field."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Recipe":
        """Makes a recipe of a JSON object; fields that are missing keep the paper's value.

        Raises:
            InvalidSetting: an unknown field, or a value of the wrong type or out of range.
        """
        known = list_settings(cls)
        for name in value:
            if name not in known:
                raise InvalidSetting(
                    f"recipe: field {name!r} is unknown; known are {', '.join(known)}"
                )
        return cls(**{name: known[name].convert(given) for name, given in value.items()})

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Writes the recipe as JSON, whole or not at all.

        Args:
            path: the file.
            overwrite: whether a file that is there is replaced.

        Raises:
            AlreadyExists: the file is there, and `overwrite` is off.
            Inaccessible: the file can't be written.
        """
        path = Path(path)
        refuse_existing(path, overwrite=overwrite)
        write_json(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> "Recipe":
        """Reads a recipe file, YAML or JSON; fields that are missing keep the paper's value.

        Raises:
            NotFound: the file does not exist.
            InvalidSetting: it is not YAML or JSON, or a field is unknown or has a wrong value; the
                message names the file and the field.
        """
        value = read_mapping(Path(path))
        try:
            return cls.from_json(value)
        except InvalidSetting as error:
            raise InvalidSetting(f"{path}: {error}") from error
