"""The model of the service and its description for clients."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungscope.about import DISCLAIMER, __version__
from lungscope.errors import ModelDamaged
from lungscope.inference.classifier import Classifier

CARD = "model_card.md"
_LARGEST_CARD = 2**20


@dataclass(frozen=True, eq=False)
class Model:
    """A classifier and its model card.

    Attributes:
        classifier: classifies the radiographs.
        card: the model card in Markdown, or None if there is none.
    """

    classifier: Classifier
    card: str | None = None

    @classmethod
    def load(cls, folder: Path) -> "Model":
        """Reads an exported model.

        Raises:
            LungscopeError: missing, damaged or changed files.
        """
        return cls(Classifier.load(folder), _card(folder / CARD))

    @property
    def quantiles(self) -> Sequence[float]:
        """Quantiles of the validation images' distances; empty if the model has none."""
        return [float(each) for each in self.classifier.description.abstention.get("quantiles", ())]

    def to_json(self) -> dict[str, Any]:
        """Returns the description of the model for clients."""
        description = self.classifier.description
        return {
            "name": description.architecture,
            "sha256": description.weights_sha256,
            "classes": list(description.classes),
            "input_size": description.preprocessing.size,
            "temperature": description.temperature,
            "abstention": dict(description.abstention),
            "precision": description.export.precision if description.export else None,
            "card": self.card,
            "version": __version__,
            "disclaimer": DISCLAIMER,
        }


def _card(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_CARD).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelDamaged(f"{path}: {error.strerror}") from error
