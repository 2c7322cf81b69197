"""What can be said of an image without a model: whether it may be a frontal chest X-ray at all."""

from lungscope.images import Radiograph

MOST_CHROMA = 0.03
"""`Radiograph.chroma`: a grey X-ray saved as an RGB JPEG has none, one under a blue or brown tint
at most 0.02 from the compression, and of 20 colour photographs the palest has 0.042."""

LARGEST_ASPECT = 2.5
"""Longer side by shorter. Chest detectors are square (43 x 43 cm) to 1.23 (35 x 43 cm), and half of
the latter, as one cut to a lung or to a wide child's chest, has 2.46; films of a whole spine or leg
(43 x 125 cm) have 2.9."""


def objection(radiograph: Radiograph) -> str | None:
    """Why an image cannot be a frontal chest X-ray: one line, or None where it may be one.

    A single tint over a grey picture, as of blue film or of sepia, is none: it is read as grey.
    """
    if radiograph.chroma > MOST_CHROMA:
        return "it is in colour: a photograph or a screenshot? An X-ray belongs in a grey image"
    width, height = radiograph.width, radiograph.height
    aspect = max(width, height) / min(width, height)
    if aspect > LARGEST_ASPECT:
        shape = "wide as tall" if width > height else "tall as wide"
        return f"it is {aspect:.1f} times as {shape}, which no frontal chest X-ray is"
    return None
