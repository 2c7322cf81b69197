"""What the classes look like: the first test image of each (paper, Figure 1)."""

from pathlib import Path

from lungscope.data.cache import Cache
from lungscope.data.split import Split
from lungscope.figures import samples


def draw_samples(path: Path, cache: Cache, split: Split) -> None:
    """Draws the first test image of each class.

    Args:
        path: the PNG to write.
        cache: the images of the split.
        split: whose test side holds every class.
    """
    firsts = [
        next(entry for entry in split.side("test") if entry.label == label)
        for label in range(len(split.classes))
    ]
    images = [cache.pixels[row] for row in cache.rows(firsts)]
    samples.draw_samples(path, images, split.classes)
