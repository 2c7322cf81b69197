"""A heatmap as a figure: beside the radiograph, with the answer, a colour bar and a remark."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lungscope.about import DISCLAIMER
from lungscope.inference.explain.colour_bar import WIDTH as BAR
from lungscope.inference.explain.colour_bar import apply_colours, draw_colour_bar
from lungscope.inference.explain.explanation import Explanation
from lungscope.inference.explain.heatmap import Heatmap
from lungscope.inference.explain.lettering import draw_text, wrap_text
from lungscope.inference.lung_field import LungField

HIGHEST, WIDEST = 512, 640
"""Pixels of a panel at most; a radiograph is enlarged or reduced to the first limit it meets."""

_MARGIN, _GAP, _BETWEEN_LINES = 24, 16, 6
_NARROWEST, _LOWEST = 260, 160
_HEADLINE, _TEXT = 24, 15
_INK, _GREY, _WARNING = "#1a1a1a", "#555555", "#a82a00"
_WHITE, _RIM = (255, 255, 255, 255), (0, 0, 0, 110)  # the line shows on air and on bone


def panel_size(height: int, width: int) -> tuple[int, int]:
    """The height and width in pixels at which a radiograph of that size is drawn."""
    factor = min(HIGHEST / height, WIDEST / width)
    return max(1, round(height * factor)), max(1, round(width * factor))


def draw_overlay(heatmap: Heatmap, size: tuple[int, int] | None = None) -> Image.Image:
    """The attribution alone, to be laid over the radiograph.

    Args:
        heatmap: of one class.
        size: height and width of the result in pixels; as of a panel by default.

    Returns:
        RGBA; the greatest attribution is three fourths opaque, no attribution is clear.
    """
    values = heatmap.resampled(*(size or panel_size(heatmap.height, heatmap.width)))
    return Image.fromarray(apply_colours(values / heatmap.scale if heatmap.scale > 0 else values))


def draw_outline(field: LungField, size: tuple[int, int] | None = None) -> Image.Image:
    """The outline of the lungs alone, to be laid over the radiograph.

    Args:
        field: the lungs.
        size: height and width of the result in pixels; as of a panel by default.

    Returns:
        RGBA, clear but for a white line with a dark rim.
    """
    inside = field.resampled(*(size or panel_size(field.height, field.width)))
    line = inside & ~_shrunk(_shrunk(inside))
    rim = ~_shrunk(~line) & ~line
    drawn = np.zeros((*inside.shape, 4), dtype=np.uint8)
    drawn[rim], drawn[line] = _RIM, _WHITE
    return Image.fromarray(drawn)


def draw_explanation(pixels: NDArray[np.float32], explanation: Explanation) -> Image.Image:
    """Draws the radiograph, and beside it the same with the attribution over it.

    Args:
        pixels: (H, W) in [0, 1], of the radiograph that is explained.
        explanation: of the answer for it.

    Returns:
        RGB, at most 1,490 x 1,050 pixels, whatever the radiograph's size.
    """
    size = panel_size(*pixels.shape)
    left = _radiograph(pixels, size)
    right = left.convert("RGBA")
    right.alpha_composite(draw_overlay(explanation.heatmap, size))
    if explanation.field.implausible is None:
        right.alpha_composite(draw_outline(explanation.field, size))
    column, row = max(left.width, _NARROWEST), max(left.height, _LOWEST)
    page = _Page(2 * (column + _GAP) + BAR, row)
    prediction = explanation.prediction
    page.write(_headline(explanation), _HEADLINE, _INK)
    page.write(prediction.file.name, _TEXT, _GREY)
    page.space(_GAP)
    for number, panel in enumerate((left, right)):
        x = number * (column + _GAP) + (column - left.width) // 2
        page.paste(panel.convert("RGB"), x, (row - left.height) // 2)
    bar = draw_colour_bar(row, explanation.heatmap.scale, _unit(explanation))
    page.paste(bar, 2 * (column + _GAP), 0)
    page.space(row + _GAP // 2)
    page.write(_evidence(explanation), _TEXT, _INK)
    page.write(explanation.remark, _TEXT, _WARNING if explanation.suspect else _INK)
    page.write(f"Model {prediction.model}.  {DISCLAIMER}", _TEXT, _GREY)
    return page.finished()


class _Page:
    """A white page that is written from its top; it ends below the last line."""

    def __init__(self, width: int, panel: int) -> None:
        self._inner = width
        self._image = Image.new("RGB", (width + 2 * _MARGIN, panel + 1000), "white")
        self._draw = ImageDraw.Draw(self._image)
        self._y = _MARGIN

    def write(self, text: str, size: int, colour: str) -> None:
        shown, font = draw_text(text, size)
        for line in wrap_text(shown, font, self._inner)[:4]:
            self._draw.text((_MARGIN, self._y), line, fill=colour, font=font)
            self._y += size + _BETWEEN_LINES

    def paste(self, part: Image.Image, x: int, y: int) -> None:
        self._image.paste(part, (_MARGIN + x, self._y + y))

    def space(self, pixels: int) -> None:
        self._y += pixels

    def finished(self) -> Image.Image:
        return self._image.crop((0, 0, self._image.width, self._y + _MARGIN - _BETWEEN_LINES))


def _headline(explanation: Explanation) -> str:
    prediction = explanation.prediction
    if prediction.label is None:
        return f"No answer: {prediction.reason}"
    return f"{prediction.label}, probability {_told(prediction.probabilities[prediction.label])}"


def _evidence(explanation: Explanation) -> str:
    heatmap = explanation.heatmap
    found = "estimated by Grad-CAM " if explanation.method == "grad-cam" else ""
    return (
        f"Evidence for {explanation.label} (probability {_told(explanation.probability)}), "
        f"{found}+{heatmap.in_favour:.2f} logits in all. Evidence against it "
        f"({heatmap.against:.2f}) is not drawn."
    )


def _told(probability: float) -> str:
    """Three digits, but no certainty: that is for nobody to claim."""
    if probability < 0.0005:
        return "below 0.001"
    return "above 0.999" if probability > 0.9995 else f"{probability:.3f}"


def _unit(explanation: Explanation) -> str:
    cells = explanation.heatmap.contributions.size
    return f"contribution to the score of {explanation.label}, per 1/{cells} of the image (logit)"


def _radiograph(pixels: NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    height, width = size
    resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    levels = np.clip(np.rint(np.asarray(resized) * 255), 0, 255).astype(np.uint8)
    return Image.fromarray(levels)


def _shrunk(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without the pixels that have one from outside above, below, left or right of them."""
    padded = np.pad(inside, 1, mode="edge")
    shrunk: NDArray[np.bool_] = (
        inside & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    )
    return shrunk
