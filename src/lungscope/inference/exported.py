"""An exported model: a folder with `model.onnx`, `abstention.npz` and their `model.json`.

`training.npz`, by which training images are recognised again, is read only where that is asked.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lungscope.errors import InvalidSetting, ModelDamaged, NotFound
from lungscope.inference.abstention import Reference, Thresholds
from lungscope.inference.description import Description
from lungscope.inference.training_images import TrainingImages
from lungscope.text import describe_fault

GRAPH = "model.onnx"
REFERENCE = "abstention.npz"
TRAINING = "training.npz"
DESCRIPTION = "model.json"

_BUNDLED = Path(__file__).resolve().parents[1] / "bundled"

BUNDLED_MODELS: Mapping[str, Path] = {name: _BUNDLED / name for name in ("robust", "paper")}
"""Folders of the bundled models and their cards, by name."""

DEFAULT_MODEL = "robust"
"""The bundled model that is used where none is named."""


def find_model(model: str | Path | None = None) -> Path:
    """Returns the folder of a model.

    Args:
        model: the name of a bundled model, or a folder, one of such a name as `./paper` or as a
            Path; None for the default model.

    Examples:
        >>> find_model("paper").name
        'paper'
        >>> find_model("runs/lung/export").as_posix()
        'runs/lung/export'
    """
    if model is None:
        return BUNDLED_MODELS[DEFAULT_MODEL]
    return model if isinstance(model, Path) else BUNDLED_MODELS.get(model, Path(model))


@dataclass(frozen=True, eq=False)
class ExportedModel:
    """Everything that answering for a radiograph needs.

    Attributes:
        description: of the model.
        graph: the content of `model.onnx`.
        reference: what the features of an X-ray look like.
        thresholds: when the model does not answer.
    """

    description: Description
    graph: bytes
    reference: Reference
    thresholds: Thresholds

    @classmethod
    def load(cls, folder: Path) -> "ExportedModel":
        """Reads a folder that `lungscope export` wrote.

        Raises:
            NotFound: a file is missing.
            InvalidSetting: the folder is a run, or holds a checkpoint that is not exported yet.
            ModelDamaged: a file is not the one that `model.json` describes.
        """
        if not (folder / DESCRIPTION).exists() and (folder / "recipe.json").is_file():
            raise InvalidSetting(f"{folder}: is a run, not an exported model", remedy="export-run")
        description = Description.load(folder / DESCRIPTION)
        if description.export is None:
            raise InvalidSetting(f"{folder}: is a checkpoint, which needs torch", remedy="export")
        content = {
            name: _verified(folder / name, description.export.sha256.get(name))
            for name in (GRAPH, REFERENCE)
        }
        try:
            thresholds = Thresholds.from_json(description.abstention)
        except (KeyError, TypeError, ValueError) as error:
            reason = describe_fault(error)
            raise ModelDamaged(
                f"{folder / DESCRIPTION}: damaged thresholds of abstention ({reason})"
            ) from error
        return cls(description, content[GRAPH], Reference.load(folder / REFERENCE), thresholds)


def load_training_images(folder: Path, description: Description) -> TrainingImages | None:
    """Reads by what the images that an exported model was trained on are recognised again.

    Args:
        folder: of the model.
        description: the content of its `model.json`.

    Returns:
        None where the model does not carry it: lungscope wrote no such file before 0.2.0.

    Raises:
        NotFound: the file is missing.
        ModelDamaged: it is not the one that `model.json` describes.
    """
    if description.export is None or TRAINING not in description.export.sha256:
        return None
    _verified(folder / TRAINING, description.export.sha256[TRAINING])
    return TrainingImages.load(folder / TRAINING)


def _verified(path: Path, sha256: str | None) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"{path}: {error.strerror}; copy the whole folder again") from error
    except OSError as error:
        raise ModelDamaged(f"{path}: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelDamaged(
            f"{path}: not the file that {DESCRIPTION} describes (SHA-256 differs); "
            "copy the whole folder again"
        )
    return content
