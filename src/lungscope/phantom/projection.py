"""What a body of the chest phantom looks like from the front, before exposure and noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from lungscope.phantom.anatomy import ENTRIES, Anatomy, entry
from lungscope.phantom.fields import Field, disc, grid, ramp

BAND = 8192
"""Pixels that are worked on at a time."""


@dataclass(frozen=True)
class Pose:
    """How a body stands before the detector.

    Attributes:
        angle: rotation in radians, clockwise.
        scale: body units from the image's middle to its side; a larger field of view has more.
        dx, dy: shift of the body to the right and downwards, in body units.
    """

    angle: float
    scale: float
    dx: float
    dy: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Pose":
        """Draws a position: mostly upright and in the middle."""
        angle, dx, dy = np.clip(rng.normal(size=3), -2.5, 2.5) * (0.08, 0.07, 0.08)
        return cls(float(angle), rng.uniform(0.84, 1.2), float(dx), float(dy))

    def body(self, size: int) -> tuple[Field, Field]:
        """Body coordinates (x, y) of every pixel, each (size, size) float32."""
        across, down = grid(size)
        cos, sin = self.scale * float(np.cos(self.angle)), self.scale * float(np.sin(self.angle))
        return across * cos + down * sin - self.dx, down * cos - across * sin - self.dy

    def pixels(self, points: NDArray[np.float64], size: int) -> NDArray[np.intp]:
        """Where points (n, 2) of the body fall: (n, 2) int, column and row, maybe outside."""
        cos, sin = np.cos(self.angle) / self.scale, np.sin(self.angle) / self.scale
        x, y = points[:, 0] + self.dx, points[:, 1] + self.dy
        places = np.stack([x * cos - y * sin, x * sin + y * cos], axis=1)
        return np.floor((places + 1) * (size / 2)).astype(np.intp)


@dataclass(frozen=True, eq=False)
class Projection:
    """A body's shadow.

    Attributes:
        attenuation: (S, S) float32: about 0 in air, 1 in soft tissue, above it in bone.
        lung: (S, S) float32 in [0, 1]: how much of a lung each ray crosses; exactly 0 outside the
            lung fields.
    """

    attenuation: Field
    lung: Field


def project(anatomy: Anatomy, pose: Pose, size: int) -> Projection:
    """Adds up the parts of a body along each ray."""
    x, y = pose.body(size)
    image, lung = _vessels(anatomy, pose, size), np.empty_like(x)
    # Band by band, the many intermediate arrays stay in the processor's cache.
    height = max(1, BAND // size)
    for top in range(0, size, height):
        band = slice(top, top + height)
        image[band], lung[band] = _band(anatomy, x[band], y[band], image[band])
    return Projection(image, lung)


def _band(anatomy: Anatomy, x: Field, y: Field, vessels: Field) -> tuple[Field, Field]:
    across = np.abs(x)
    row = entry(y)
    wall = anatomy.wall[row]
    middle = anatomy.mediastinum[row + ENTRIES * (x > 0)]
    below = y - anatomy.dome[entry(x)]
    skin = anatomy.skin[row] - across
    lung = _lung(anatomy, across, y, wall, middle, below)

    image = np.sqrt(np.clip(skin * 2.2, 0, 1)) * (0.85 + anatomy.fat * ramp(skin, 0.5))
    image -= anatomy.air * lung
    image += (vessels + _hilum(across, y)) * lung
    image += anatomy.heart * np.sqrt(np.clip(1.15 - across / middle, 0, 1)) * ramp(y + 0.75, 0.5)
    image += 0.16 * ramp(below, 0.3)
    image += anatomy.bone * _ribs(anatomy, across, y, wall, below) * ramp(skin, 0.05)
    if anatomy.breast > 0:
        image += anatomy.breast * disc(across, y, (0.46, 0.38), 0.34, 0.1)
    if anatomy.bubble[2] > 0:
        _add_bubble(image, anatomy, x, y, below)
    if y.min() < 0.1:
        image += anatomy.bone * _shoulders(anatomy, across, y) * ramp(skin, 0.05)
    _add_spine(image, anatomy, x, y)
    return image, lung


def _lung(
    anatomy: Anatomy, across: Field, y: Field, wall: Field, middle: Field, below: Field
) -> Field:
    inward = wall - across
    tip = across - 0.29
    lung = ramp(inward, 0.035) * (0.55 + 0.45 * ramp(inward, 0.3))
    lung *= ramp(across - middle, 0.035)
    lung *= ramp(-below, 0.03)
    lung *= ramp(y - anatomy.apex - 2.2 * tip * tip, 0.035)
    return lung


def _vessels(anatomy: Anatomy, pose: Pose, size: int) -> Field:
    places = pose.pixels(anatomy.vessels[:, :2], size)
    inside = ((places >= 0) & (places < size)).all(axis=1)
    cell = places[inside, 1] * size + places[inside, 0]
    drops = np.bincount(cell, anatomy.vessels[inside, 2], minlength=size * size)
    scale = size / (2 * pose.scale)
    image = (drops * (scale * scale)).astype(np.float32).reshape(size, size)
    gaussian_filter(image, 0.0065 * scale, truncate=2.5, output=image)
    return image


def _hilum(across: Field, y: Field) -> Field:
    out, down = across - 0.17, y + 0.03
    hilum: Field = 0.25 * np.exp(out * out * -90 - down * down * 45)
    return hilum


def _ribs(anatomy: Anatomy, across: Field, y: Field, wall: Field, below: Field) -> Field:
    # A rib is half an ellipse seen from the front: from the side up to the spine at the back,
    # and from the side down to the breast bone in front.
    reach = wall + 0.035
    u = np.minimum(across / reach, 1)
    c = np.sqrt(1 - u * u)
    run, flank = reach * c, 1 - c
    back = _bars(anatomy, y + anatomy.rib_rise * c, anatomy.rib_rise * u, run, 1)
    front = _bars(anatomy, y - anatomy.rib_fall * c, anatomy.rib_fall * u, run, 1.25)
    front *= ramp(across - 0.22, 0.25)
    cage: Field = back * (0.85 + 0.7 * flank) + front * (0.42 + 0.8 * flank)
    cage *= ramp(reach - across, 0.02)
    cage *= ramp(y + 0.8, 0.12)
    cage *= 1 - 0.7 * ramp(below, 0.25)
    return cage


def _bars(anatomy: Anatomy, level: Field, rise: Field, run: Field, width: float) -> Field:
    phase = level * (1 / anatomy.spacing) + anatomy.first_rib
    vertical = np.abs(phase - np.rint(phase))
    slant = (run + 1e-3) / np.sqrt(run * run + rise * rise + 1e-6)
    return _tube(vertical * slant * (anatomy.spacing / (anatomy.rib_width * width)))


def _tube(q: Field) -> Field:
    """A hollow bone across its axis: brighter at the rim (`q` = 1) than in the middle (0)."""
    return ramp(1.1 - q, 0.35) * (0.55 + 0.45 * np.minimum(q * q, 1))


def _add_bubble(image: Field, anatomy: Anatomy, x: Field, y: Field, below: Field) -> None:
    column, row, radius = anatomy.bubble
    air = disc(x - column, 1.7 * (y - row), (0, 0), radius, 0.08)
    image -= 0.25 * air * ramp(below, 0.06)


def _shoulders(anatomy: Anatomy, across: Field, y: Field) -> Field:
    line = anatomy.clavicle - anatomy.clavicle_tilt * across + 0.035 * np.sin(7 * across)
    bent = across - 0.4
    clavicle = _tube(np.abs(y - line) / (0.022 + 0.04 * bent * bent))
    clavicle *= ramp(across - 0.05, 0.03) * ramp(0.84 - across, 0.04)
    below = y + 0.15
    edge = across - (0.84 - 0.5 * below * below)
    blade = ramp(edge, 0.03) * (1 - 0.75 * ramp(edge - 0.02, 0.05))
    blade *= ramp(y + 0.66, 0.1) * ramp(0.02 - y, 0.2) * ramp(0.95 - across, 0.1)
    return 1.15 * clavicle + 0.35 * blade + 0.6 * disc(across, y, (1.02, -0.6), 0.16, 0.09)


def _add_spine(image: Field, anatomy: Anatomy, x: Field, y: Field) -> None:
    # The spine and the windpipe lie near the middle: the other columns are left alone.
    near = slice(int(0.3 * x.shape[1]), int(0.7 * x.shape[1]))
    x, y = x[:, near], y[:, near]
    across = np.abs(x)
    phase = y * (1 / (0.92 * anatomy.spacing)) + anatomy.first_rib
    q = 2 * np.abs(phase - np.rint(phase))
    body = 0.6 + 0.5 * ramp(q - 0.1, 0.6) - 0.75 * ramp(q - 0.8, 0.15)
    body *= ramp(0.105 - across, 0.025)
    pedicles = np.exp((across - 0.062) ** 2 * -2500 - (q - 0.35) ** 2 * 10)
    spines = np.exp(across * across * -4000 - (q - 0.55) ** 2 * 8)
    image[:, near] += anatomy.bone * (0.9 * body + 0.5 * pedicles + 0.5 * spines)
    windpipe = ramp(0.055 - np.abs(x + 0.012), 0.03) * ramp(-0.2 - y, 0.08)
    fork = ramp(0.04 - np.abs(across - 0.8 * (y + 0.27)), 0.03)
    fork *= ramp(y + 0.27, 0.05) * ramp(-0.05 - y, 0.1)
    image[:, near] -= 0.22 * np.maximum(windpipe, 0.7 * fork)
