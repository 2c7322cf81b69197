"""`model.json`: everything about a trained model but its weights.

This module imports no torch: whoever runs an exported model reads the same file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lungscope.atomic import write_json
from lungscope.errors import LungscopeError
from lungscope.images import Preprocessing

FORMAT = "lungscope-model"
VERSION = 1


@dataclass(frozen=True)
class Description:
    """What a trained model is, and how it came to be.

    Attributes:
        architecture: its name in the registry.
        se_reduction: of its Squeeze-and-Excitation block, where it has one.
        classes: class names in the order of the outputs.
        preprocessing: between a radiograph and the network's input.
        weights_sha256: of `model.safetensors`, in hexadecimal.
        temperature: divisor of the logits, > 0; 1 until it is calibrated.
        abstention: thresholds under which the model does not answer; empty until fitted.
        data_fingerprint: `Split.fingerprint` of the data that it was trained on.
        recipe: how it was trained, as `Recipe.to_json` writes it.
        metrics: numbers known when it was saved, e.g. the best validation accuracy.
        versions: of the libraries that trained it.
    """

    architecture: str
    se_reduction: int
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    weights_sha256: str
    temperature: float = 1.0
    abstention: Mapping[str, float] = field(default_factory=dict)
    data_fingerprint: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Writes `model.json`, atomically."""
        write_json(
            path,
            {
                "format": FORMAT,
                "version": VERSION,
                "architecture": self.architecture,
                "se_reduction": self.se_reduction,
                "classes": self.classes,
                "preprocessing": self.preprocessing.to_json(),
                "temperature": self.temperature,
                "abstention": self.abstention,
                "data_fingerprint": self.data_fingerprint,
                "recipe": self.recipe,
                "metrics": self.metrics,
                "versions": self.versions,
                "weights_sha256": self.weights_sha256,
            },
        )

    @classmethod
    def load(cls, path: Path) -> "Description":
        """Reads `model.json`.

        Raises:
            LungscopeError: not found, not a model's description, or of an unknown version.
        """
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            if value["format"] != FORMAT:
                raise LungscopeError(f"{path}: not the description of a lungscope model")
            if value["version"] != VERSION:
                raise LungscopeError(
                    f"{path}: model format version {value['version']}, this lungscope reads "
                    f"version {VERSION}; use the lungscope that wrote it"
                )
            classes = tuple(str(name) for name in value["classes"])
            if len(classes) < 2 or len(set(classes)) < len(classes):
                raise LungscopeError(f"{path}: classes must be at least two different names")
            return cls(
                architecture=str(value["architecture"]),
                se_reduction=int(value["se_reduction"]),
                classes=classes,
                preprocessing=Preprocessing.from_json(value["preprocessing"]),
                weights_sha256=str(value["weights_sha256"]),
                temperature=float(value["temperature"]),
                abstention=dict(value["abstention"]),
                data_fingerprint=str(value["data_fingerprint"]),
                recipe=dict(value["recipe"]),
                metrics=dict(value["metrics"]),
                versions=dict(value["versions"]),
            )
        except OSError as error:
            raise LungscopeError(f"{path}: {error.strerror}; give a model's folder") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LungscopeError(
                f"{path}: damaged model description ({type(error).__name__}: {error})"
            ) from error
