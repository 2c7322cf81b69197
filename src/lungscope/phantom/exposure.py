"""From a phantom's attenuation to grey values: exposure, noise, collimation, side marker."""

from dataclasses import dataclass

import numpy as np

from lungscope.phantom.fields import Field, grid, ramp

LETTERS = {
    "L": ("#....", "#....", "#....", "#....", "#....", "#....", "#####"),
    "R": ("####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"),
}
"""Markers of the patient's side, as they are burned in: 7 rows of 5 dots."""


@dataclass(frozen=True)
class Exposure:
    """How one image is taken and shown.

    Attributes:
        centre: attenuation that is shown as middle grey.
        width: attenuation over which the grey value changes; small is high contrast.
        tilt: how much denser the image's right and lower sides look, as the heel of an X-ray tube
            and a crooked detector make it.
        noise: standard deviation of the quantum noise in attenuation, behind air.
        scatter: proportion of scattered rays in the image, 0 to 1.
        margins: width of the black border left, above, right and below, proportions of the image;
            none where it is negative.
        letter: side marker, a key of `LETTERS`, or empty for none.
        letter_place: column and row of the marker's outer upper corner, as proportions of the
            image, the column counted from the side that the marker is on.
    """

    centre: float
    width: float
    tilt: tuple[float, float]
    noise: float
    scatter: float
    margins: tuple[float, ...]
    letter: str
    letter_place: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Exposure":
        """Draws an exposure."""
        return cls(
            centre=rng.uniform(0.65, 1.05),
            width=rng.uniform(0.30, 0.46),
            tilt=(rng.normal(0, 0.12), rng.normal(0, 0.12)),
            noise=rng.uniform(0.01, 0.035),
            scatter=rng.uniform(0.08, 0.3),
            margins=tuple(np.clip(rng.normal(-0.005, 0.015, 4), -0.02, 0.05).tolist()),
            letter=str(rng.choice(["L", "R", ""], p=[0.35, 0.35, 0.3])),
            letter_place=(rng.uniform(0.05, 0.09), rng.uniform(0.06, 0.3)),
        )

    def develop(self, attenuation: Field, rng: np.random.Generator) -> Field:
        """Turns attenuation into grey values in [0, 1], each pixel for itself.

        Args:
            attenuation: (S, S) float32.
            rng: where the quantum noise comes from.
        """
        size = len(attenuation)
        x, y = grid(size)
        image = attenuation + (self.tilt[0] * x + self.tilt[1] * y)
        noise = rng.standard_normal((size, size), np.float32)
        # Fewer rays come through dense parts: their noise is larger.
        noise *= np.exp(0.5 * image)
        grey: Field = 1 / (1 + np.exp((self.centre - image - self.noise * noise) / self.width))
        grey *= self.window(size)
        self._stamp(grey)
        return grey

    def window(self, size: int) -> Field:
        """The exposed part of the image: (size, size), 0 in the black border, else 1."""
        x, y = grid(size)
        left, above, right, below = (2 * margin for margin in self.margins)
        window = ramp(x + (1 - left), 0.01) * ramp((1 - right) - x, 0.01)
        window *= ramp(y + (1 - above), 0.01)
        window *= ramp((1 - below) - y, 0.01)
        return window

    def _stamp(self, grey: Field) -> None:
        if not self.letter:
            return
        dots = np.array([[dot == "#" for dot in line] for line in LETTERS[self.letter]])
        size = len(grey)
        dot = max(1, round(size / 130))
        dots = dots.repeat(dot, axis=0).repeat(dot, axis=1)
        column, row = (int(share * size) for share in self.letter_place)
        # A marker names the patient's side: the left is on the image's right.
        if self.letter == "L":
            column = size - column - dots.shape[1]
        patch = grey[row : row + dots.shape[0], column : column + dots.shape[1]]
        patch[dots] = np.maximum(patch[dots], 0.93)
