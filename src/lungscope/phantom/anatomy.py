"""Whose chest a phantom shows: the shapes and densities of one invented body.

Body coordinates: x to the image's right (the patient's left), y downwards, the chest about two
units wide and high, the spine at x = 0. Attenuation is in units of the contrast between soft
tissue and air. Every number is chosen by eye; none is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from lungscope.phantom.fields import Field

REACH = 1.8
"""Outlines are tabulated for coordinates from -REACH to REACH."""
ENTRIES = 1024
STEPS = 40
"""Drops that one branch of a vessel is made of."""
MASS = (0.0100, 0.0033, 0.0025, 0.0018)
"""Attenuation x width of a trunk and of the branches after it."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One body, as it is before it is positioned and exposed.

    Attributes:
        wall: (ENTRIES,) float32, inner half-width of the rib cage, by y.
        mediastinum: (2 * ENTRIES,) float32, half-width of the heart and great vessels, by y: first
            on the image's left, then on its right, where the heart bulges.
        dome: (ENTRIES,) float32, y of the diaphragm, by x.
        skin: (ENTRIES,) float32, half-width of the body, by y.
        apex: y of the lungs' upper ends.
        vessels: (n, 3) float64, drops of blood in the lungs: x, y and mass (attenuation x area).
        spacing: distance between ribs.
        first_rib: where the rows of ribs begin, as a fraction of the spacing.
        rib_rise: how far a rib's back lies above its side.
        rib_fall: how far a rib's front lies below its side.
        rib_width: half the thickness of a rib.
        bone: attenuation of bone.
        air: attenuation that a lung takes away.
        heart: attenuation that the heart adds.
        fat: attenuation that the middle of the body adds.
        clavicle: y of the inner ends of the collar bones.
        clavicle_tilt: how much they rise outwards, per unit of x.
        breast: attenuation of the breast shadows; 0 for none.
        bubble: x, y and half-width of the air in the stomach.
    """

    wall: Field
    mediastinum: Field
    dome: Field
    skin: Field
    apex: float
    vessels: NDArray[np.float64]
    spacing: float
    first_rib: float
    rib_rise: float
    rib_fall: float
    rib_width: float
    bone: float
    air: float
    heart: float
    fat: float
    clavicle: float
    clavicle_tilt: float
    breast: float
    bubble: tuple[float, float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Anatomy":
        """Invents a body."""
        width, apex, low = (
            rng.uniform(0.76, 1.12),
            rng.uniform(-0.88, -0.64),
            rng.uniform(-0.14, 0.14),
        )
        right, left = low + rng.uniform(0.38, 0.46), low + rng.uniform(0.44, 0.54)
        return cls(
            wall=_wall(rng, apex, width),
            mediastinum=_mediastinum(rng, apex, low),
            dome=_dome(width, right, left),
            skin=_skin(rng, width),
            apex=apex,
            vessels=_vessels(rng),
            spacing=rng.uniform(0.125, 0.2),
            first_rib=rng.uniform(0, 1),
            rib_rise=rng.uniform(0.1, 0.36),
            rib_fall=rng.uniform(0.24, 0.54),
            rib_width=rng.uniform(0.026, 0.036),
            bone=rng.uniform(0.22, 0.42),
            air=rng.uniform(0.72, 1.1),
            heart=rng.uniform(0.16, 0.30),
            fat=rng.uniform(0, 0.25),
            clavicle=rng.uniform(-0.66, -0.54),
            clavicle_tilt=rng.uniform(0.05, 0.34),
            breast=max(0.0, rng.uniform(-0.12, 0.18)),
            bubble=(rng.uniform(0.3, 0.5), left + rng.uniform(0.07, 0.13), rng.uniform(0, 0.2)),
        )

    def lung_span(self, y: float, side: int) -> tuple[float, float]:
        """How far from the spine a lung begins and ends at one height.

        Args:
            y: height in body coordinates.
            side: 0 for the lung on the image's left, 1 for the one on its right.
        """
        row = entry(np.asarray(y, np.float32))
        return float(self.mediastinum[row + side * ENTRIES]), float(self.wall[row])


def entry(position: Field) -> NDArray[np.intp]:
    """Which entry of an outline's table belongs to each coordinate."""
    scaled = (position + REACH) * (ENTRIES / (2 * REACH))
    entries: NDArray[np.intp] = np.clip(scaled, 0, ENTRIES - 1).astype(np.intp)
    return entries


def _outline(knots: Sequence[float], values: Sequence[float], smoothing: float) -> Field:
    places = np.linspace(-REACH, REACH, ENTRIES)
    line = np.interp(places, knots, values)
    outline: Field = gaussian_filter1d(line, smoothing * ENTRIES / (2 * REACH)).astype(np.float32)
    return outline


def _wall(rng: np.random.Generator, apex: float, width: float) -> Field:
    knots = [apex, apex + 0.02, apex + 0.08, apex + 0.2, apex + 0.42, -0.05, 0.3, 0.6, 1]
    values = [0.26, 0.34, 0.415, 0.5, 0.61, 0.7, 0.745, 0.76, 0.74]
    girths = width * (1 + rng.normal(0, 0.05, len(values)))
    return _outline(
        knots, [girth * value for girth, value in zip(girths, values, strict=True)], 0.03
    )


def _mediastinum(rng: np.random.Generator, apex: float, low: float) -> Field:
    heart, knob = rng.uniform(0.7, 1.25), rng.uniform(0.13, 0.2)
    right = _outline(
        [apex, apex + 0.03, apex + 0.1, -0.4, -0.15, 0, 0.12 + low, 0.3 + low, 0.5 + low],
        [0.26, 0.18, 0.14, 0.115, 0.13, 0.15, 0.2 * heart, 0.215 * heart, 0.17 * heart],
        0.03,
    )
    # From above: subclavian artery, knob of the aorta, pulmonary trunk, left ventricle.
    left = _outline(
        (
            *(apex, apex + 0.03, apex + 0.1, -0.45, -0.34, -0.26, -0.15, -0.05),
            *(0.1, 0.25 + low, 0.4 + low, 0.6),
        ),
        (
            *(0.26, 0.18, 0.145, 0.12, knob, knob, 0.125, 0.17),
            *(0.235 * heart, 0.345 * heart, 0.415 * heart, 0.4 * heart),
        ),
        0.03,
    )
    return np.concatenate([right, left])


def _dome(width: float, right: float, left: float) -> Field:
    side = 0.76 * width
    return _outline(
        [-1.2, -side, -0.62 * width, -0.38, -0.15, 0, 0.2, 0.45, 0.64 * width, side, 1.2],
        (
            *(right + 0.4, right + 0.3, right + 0.1, right, right + 0.06, right + 0.09),
            *(left + 0.03, left, left + 0.09, left + 0.27, left + 0.4),
        ),
        0.045,
    )


def _skin(rng: np.random.Generator, width: float) -> Field:
    neck, top, flank = rng.uniform(0.26, 0.36), rng.uniform(-0.98, -0.8), rng.uniform(0.1, 0.26)
    hip, waist, armpit = 0.78 * width + flank, 0.8 * width + flank, 0.98 * width + flank
    return _outline(
        [-1.8, top - 0.16, top, top + 0.09, top + 0.22, -0.2, 0.1, 0.8],
        [neck, neck, 0.5, 0.85, 1.12 * width, armpit, waist, hip],
        0.05,
    )


def _vessels(rng: np.random.Generator) -> NDArray[np.float64]:
    trunks = 8
    fan = np.linspace(-1.45, 1.45, trunks)
    side = np.repeat([-1.0, 1.0], trunks)
    start = np.stack([side * 0.15, np.tile(0.07 * fan - 0.03, 2)], axis=1)
    start += rng.normal(0, 0.02, start.shape)
    angle = np.tile(fan, 2) + rng.normal(0, 0.12, 2 * trunks)
    length = rng.uniform(0.16, 0.32, 2 * trunks)
    t = np.linspace(0, 1, STEPS)
    drawn = []
    for generation in range(4):
        count = len(angle)
        angles = angle[:, None] + rng.normal(0, 0.3, (count, 1)) * t
        reach = length[:, None] * t
        path = np.stack([side[:, None] * np.cos(angles), np.sin(angles)], axis=-1)
        path = start[:, None] + reach[..., None] * path
        mass = np.broadcast_to(length[:, None, None] / STEPS * MASS[generation], (count, STEPS, 1))
        line = np.concatenate([path, mass], axis=-1)
        # A trunk is thick: a bundle of lines side by side.
        strands = np.linspace(-0.012, 0.012, 5) if generation == 0 else np.zeros(1)
        normal = np.stack([-side[:, None] * np.sin(angles), np.cos(angles), 0 * angles], axis=-1)
        drawn += [(line + strand * normal) * (1, 1, 1 / len(strands)) for strand in strands]
        # Each branch goes on as a thinner one, and lets go of one twig on the way.
        twig = path[np.arange(count), rng.integers(STEPS // 4, STEPS - 4, count)]
        start = np.concatenate([path[:, -1], twig])
        bend, turn = rng.normal(0, 0.2, count), rng.choice([-0.7, 0.7], count)
        angle = np.concatenate([angles[:, -1] + bend, angles[:, -1] + bend + turn])
        side = np.tile(side, 2)
        length = np.tile(length, 2) * rng.uniform(0.5, 0.9, 2 * count)
    return np.concatenate([line.reshape(-1, 3) for line in drawn])
