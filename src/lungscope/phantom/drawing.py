"""Synthetic chest radiographs in three classes, for demonstrations and tests: images of nobody.

A phantom is drawn, not simulated. Its class shows in the lung fields alone: body, position,
exposure, noise and border come from random streams that do not know the class, and nothing is
normalised over the image, so a pixel outside the lungs is the same whatever the class.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.errors import InvalidSetting
from lungscope.phantom.anatomy import Anatomy
from lungscope.phantom.exposure import Exposure
from lungscope.phantom.fields import mottle, wide_blur
from lungscope.phantom.findings import FINDINGS
from lungscope.phantom.projection import Pose, project

CLASSES: tuple[str, ...] = tuple(FINDINGS)
SMALLEST, LARGEST = 64, 4096

BODY, VIEW, FINDING, VISITS = range(4)
"""Random streams of one seed."""


@dataclass(frozen=True, eq=False)
class Phantom:
    """One synthetic frontal chest radiograph.

    Attributes:
        pixels: (S, S) uint8; bright is dense, as on a radiograph.
        lungs: (S, S) bool, True in the lung fields: the only pixels that the class can change.
        label: one of `CLASSES`.
    """

    pixels: NDArray[np.uint8]
    lungs: NDArray[np.bool_]
    label: str


def draw_phantom(label: str, seed: int, size: int = 256, view: int = 0) -> Phantom:
    """Draws a phantom; the same arguments give the same one in every process.

    Args:
        label: one of `CLASSES`. Phantoms that differ in nothing else differ in the lungs alone.
        seed: the patient, >= 0: body and finding.
        size: side of the image in pixels, 64 to 4096.
        view: which image of the patient, >= 0: position, exposure and noise.

    Raises:
        InvalidSetting: an unknown label, or a number out of its range.
    """
    if label not in FINDINGS:
        raise InvalidSetting(f"phantom: no class {label!r}; choose one of {', '.join(CLASSES)}")
    if not SMALLEST <= size <= LARGEST:
        raise InvalidSetting(f"phantom: size {size} must be from {SMALLEST} to {LARGEST} pixels")
    if seed < 0 or view < 0:
        raise InvalidSetting(f"phantom: seed {seed} and view {view} must not be negative")
    anatomy = Anatomy.draw(phantom_generator(seed, BODY))
    rng = phantom_generator(seed, VIEW, view)
    pose, exposure = Pose.draw(rng), Exposure.draw(rng)
    body = project(anatomy, pose, size)
    texture = 0.09 * mottle(rng, size, 4) + 0.012 * mottle(rng, size, 37)
    finding = FINDINGS[label](phantom_generator(seed, FINDING), anatomy, pose, size)

    scattered = exposure.scatter * wide_blur(body.attenuation, 9)
    image = scattered + (1 - exposure.scatter) * (body.attenuation + finding * body.lung) + texture
    pixels = np.rint(255 * exposure.develop(image, rng)).astype(np.uint8)
    return Phantom(pixels, (body.lung > 0) & (exposure.window(size) > 0), label)


def phantom_generator(seed: int, *key: int) -> np.random.Generator:
    """The random stream of a seed for one purpose, whatever else is drawn."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
