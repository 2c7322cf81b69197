"""The files of a network that ships with the package: an ONNX graph, and JSON that describes it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lungscope.atomic import write_json
from lungscope.errors import ModelDamaged
from lungscope.text import describe_fault

Described = TypeVar("Described")


@dataclass(frozen=True)
class GraphFiles:
    """Two files in a folder: a graph, and what is to be known to use it.

    Attributes:
        title: what the network is, in messages, e.g. "a gate".
        graph: name of the ONNX file.
        description: name of the JSON file, which holds the graph's hash.
        format: of the description.
        version: of the format.
    """

    title: str
    graph: str
    description: str
    format: str
    version: int

    def read(
        self, folder: Path, convert: Callable[[Mapping[str, Any]], Described]
    ) -> tuple[bytes, Described]:
        """Reads both.

        Args:
            folder: with the two files.
            convert: makes of the description what is used; it may raise KeyError, TypeError or
                ValueError.

        Returns:
            The graph's content, and what `convert` made.

        Raises:
            ModelDamaged: a file is missing, damaged or not the one that belongs to the other.
        """
        try:
            described = json.loads((folder / self.description).read_text(encoding="utf-8"))
            graph = (folder / self.graph).read_bytes()
            self._refuse_other_versions(described)
            converted = convert(described)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ModelDamaged(
                f"{folder}: not {self.title} that can be read ({describe_fault(error)}); "
                "install lungscope again"
            ) from error
        if described.get("sha256") != hashlib.sha256(graph).hexdigest():
            raise ModelDamaged(
                f"{folder / self.graph}: not the file that {self.description} describes "
                "(SHA-256 differs); install lungscope again"
            )
        return graph, converted

    def write(self, folder: Path, graph: bytes, described: Mapping[str, Any]) -> None:
        """Writes what `read` reads; the description last.

        Args:
            folder: made where it is missing.
            graph: the content of the ONNX file.
            described: what is to be known besides format, version and hash.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.graph).write_bytes(graph)
        write_json(
            folder / self.description,
            {
                "format": self.format,
                "version": self.version,
                **described,
                "sha256": hashlib.sha256(graph).hexdigest(),
            },
        )

    def _refuse_other_versions(self, described: Mapping[str, Any]) -> None:
        if (described["format"], described["version"]) != (self.format, self.version):
            raise ValueError("of another version")
