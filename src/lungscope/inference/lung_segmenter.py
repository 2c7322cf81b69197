"""The lung segmenter: a small network that finds both lung fields on a frontal radiograph.

`docs/explanation/lungs.md` says how it was made and what was measured, `segmenter/fit.py` makes it
again. It is read when it is first used: who only classifies does without it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lungscope.images import Radiograph, to_square
from lungscope.inference.graph_files import GraphFiles
from lungscope.inference.lung_field import LungField
from lungscope.inference.runtime import open_graph

BUNDLED_SEGMENTER = Path(__file__).resolve().parents[1] / "bundled" / "lungs"
GRAPH, DESCRIPTION = "lungs.onnx", "lungs.json"
FILES = GraphFiles("a segmenter", GRAPH, DESCRIPTION, "lungscope-lungs", 1)


@dataclass(frozen=True)
class SegmenterSettings:
    """How a segmenter is used.

    Attributes:
        size: side of the square that the network takes, in pixels, >= 16.
        min_plausibility: the smallest plausibility of a lung field that is used, in [0, 1].

    Raises:
        ValueError: a value out of its range.
    """

    size: int
    min_plausibility: float

    def __post_init__(self) -> None:
        if self.size < 16 or not 0 <= self.min_plausibility <= 1:
            raise ValueError("the size must be 16 or more, the plausibility in [0, 1]")


class LungSegmenter:
    """A network that finds the lungs.

    Several threads may use one segmenter.

    Examples:
        >>> from lungscope.images import read
        >>> from lungscope.inference import LungSegmenter
        >>> field = LungSegmenter.bundled().find(read("xray.png"))
        >>> field.mask.shape, field.implausible is None
        ((64, 64), True)
    """

    def __init__(self, graph: bytes, settings: SegmenterSettings) -> None:
        """Makes a segmenter ready.

        Args:
            graph: the content of `lungs.onnx`.
            settings: how it is used.

        Raises:
            ModelDamaged: the graph cannot be run.
        """
        self.settings = settings
        self.sha256 = hashlib.sha256(graph).hexdigest()
        self._session = open_graph(graph, GRAPH)

    @staticmethod
    @lru_cache(maxsize=1)
    def bundled() -> "LungSegmenter":
        """Loads the segmenter that ships with the package, once a process."""
        return LungSegmenter.load(BUNDLED_SEGMENTER)

    @classmethod
    def load(cls, folder: Path) -> "LungSegmenter":
        """Reads `lungs.onnx` and `lungs.json`.

        Raises:
            ModelDamaged: a file is missing, damaged or not the one that belongs to the other.
        """
        return cls(*FILES.read(folder, _settings))

    def find(self, radiograph: Radiograph) -> LungField:
        """Finds the lungs on a frontal radiograph, upright.

        Of anything else the result means nothing, and need not be implausible: whether an image
        is such a radiograph is for the gate to say.

        Args:
            radiograph: pixels (H, W) float32 in [0, 1], bright is dense.
        """
        square = to_square(radiograph, self.settings.size)
        (found,) = self._session.run(None, {"images": square[None, None]})
        height, width = radiograph.pixels.shape
        return LungField(found[0], height, width, self.settings.min_plausibility)


def save_segmenter(folder: Path, graph: bytes, settings: SegmenterSettings) -> None:
    """Writes what `LungSegmenter.load` reads; the description last."""
    FILES.write(folder, graph, asdict(settings))


def _settings(described: Mapping[str, Any]) -> SegmenterSettings:
    return SegmenterSettings(int(described["size"]), float(described["min_plausibility"]))
