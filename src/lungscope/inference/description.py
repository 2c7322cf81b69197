"""`model.json`: all about a trained model but its weights, beside a checkpoint or a graph."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lungscope.atomic import write_json
from lungscope.errors import ModelDamaged, NotFound
from lungscope.images import Preprocessing
from lungscope.text import describe_fault

FORMAT = "lungscope-model"
VERSION = 2
"""Version of the format; version 1, of lungscope 0.1.0, had other names in `abstention`."""

PRECISIONS = ("fp32", "int8")
SEAL = "sha256"
"""Field of an exported model's description: the hash of all of its other fields."""


@dataclass(frozen=True)
class MemberInfo:
    """One of the networks whose answers an exported model averages.

    Attributes:
        model: its `Description.identity`.
        weights_sha256: of its weights, in hexadecimal.
        temperature: divisor of its logits, > 0.
        data_fingerprint: `Split.fingerprint` of the data that it was trained on.
    """

    model: str
    weights_sha256: str
    temperature: float
    data_fingerprint: str

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "MemberInfo":
        """Reads an object of the fields."""
        return cls(
            str(value["model"]),
            str(value["weights_sha256"]),
            float(value["temperature"]),
            str(value["data_fingerprint"]),
        )


@dataclass(frozen=True)
class ExportInfo:
    """What only an exported model has.

    Attributes:
        precision: of its arithmetic, "fp32" or "int8".
        sha256: of its files, in hexadecimal, by their names in the model's folder.
        flip: whether it averages over each image and its mirror.
        members: the networks that it averages over; none where it is one network.
    """

    precision: str
    sha256: Mapping[str, str]
    flip: bool = False
    members: tuple[MemberInfo, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back."""
        always = {"precision": self.precision, "sha256": dict(self.sha256)}
        averaged = {"flip": self.flip, "members": [asdict(each) for each in self.members]}
        return always | {name: value for name, value in averaged.items() if value}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ExportInfo":
        """Reads what `to_json` wrote.

        Raises:
            ValueError: a precision that this version does not know.
        """
        if value["precision"] not in PRECISIONS:
            raise ValueError(f"precision {value['precision']!r} is unknown")
        return cls(
            value["precision"],
            {str(k): str(v) for k, v in value["sha256"].items()},
            flip=value.get("flip", False) is True,
            members=tuple(MemberInfo.from_json(each) for each in value.get("members", ())),
        )


@dataclass(frozen=True)
class Description:
    """What a trained model is, and how it came to be.

    Attributes:
        architecture: its name in the registry; "ensemble" of an exported mean of several.
        se_reduction: of its Squeeze-and-Excitation block, where it has one.
        classes: class names in the order of the outputs.
        preprocessing: between a radiograph and the network's input.
        weights_sha256: of `model.safetensors`, in hexadecimal.
        temperature: divisor of the logits, > 0; 1 until it is calibrated.
        abstention: when the model does not answer, as `Thresholds.to_json` writes it; empty until
            it is exported.
        data_fingerprint: `Split.fingerprint` of the data that it was trained on.
        recipe: how it was trained, as `Recipe.to_json` writes it.
        metrics: numbers known when it was saved, e.g. the best validation accuracy.
        versions: of the libraries that trained it.
        export: of an exported model.
    """

    architecture: str
    se_reduction: int
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    weights_sha256: str
    temperature: float = 1.0
    abstention: Mapping[str, Any] = field(default_factory=dict)
    data_fingerprint: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    export: ExportInfo | None = None

    @property
    def identity(self) -> str:
        """A name that identifies this model: "mobilenet-lung 33bc4012", or "... int8"."""
        short = f"{self.architecture} {self.weights_sha256[:8]}"
        if self.export is None:
            return short
        precision = "" if self.export.precision == "fp32" else f" {self.export.precision}"
        return f"{short}{precision}{' flip' if self.export.flip else ''}"

    def save(self, path: Path) -> None:
        """Writes `model.json`, atomically."""
        value = self._value()
        write_json(path, value if self.export is None else value | {SEAL: _seal(value)})

    def _value(self) -> dict[str, Any]:
        exported = {} if self.export is None else {"export": self.export.to_json()}
        return {
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
            **exported,
        }

    @classmethod
    def load(cls, path: Path) -> "Description":
        """Reads `model.json`.

        Raises:
            NotFound: no such file.
            ModelDamaged: not a model's description, altered, or of an unknown version.
        """
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            if value["format"] != FORMAT:
                raise ModelDamaged(f"{path}: not the description of a lungscope model")
            if value["version"] == 1:
                raise ModelDamaged(
                    f"{path}: a model of lungscope 0.1.0, which this version does not read; train "
                    "it again and export that run"
                )
            if value["version"] != VERSION:
                raise ModelDamaged(
                    f"{path}: model format version {value['version']}, this lungscope reads "
                    f"version {VERSION}; use the lungscope that wrote it"
                )
            seal = value.pop(SEAL, None)
            if "export" in value and seal != _seal(value):
                raise ModelDamaged(
                    f"{path}: was changed after the export ({SEAL} differs); export the run again"
                )
            classes = tuple(str(name) for name in value["classes"])
            if len(classes) < 2 or len(set(classes)) < len(classes):
                raise ModelDamaged(f"{path}: classes must be at least two different names")
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
                export=ExportInfo.from_json(value["export"]) if "export" in value else None,
            )
        except FileNotFoundError as error:
            raise NotFound(f"{path}: {error.strerror}; give a model's folder") from error
        except OSError as error:
            raise ModelDamaged(f"{path}: {error.strerror}; give a model's folder") from error
        except (
            *(ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError),
        ) as error:
            raise ModelDamaged(
                f"{path}: damaged model description ({describe_fault(error)})"
            ) from error


def _seal(value: Mapping[str, Any]) -> str:
    """The SHA-256 of a description, however its JSON is laid out."""
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()
