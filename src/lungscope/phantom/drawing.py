"""Synthetic chest radiographs in three classes, for demonstrations and tests: images of nobody.

A phantom is drawn, not simulated. Its class shows in the lung fields alone: body, position,
exposure, noise and border come from random streams that do not know the class, and nothing is
normalised over the image, so a pixel outside the lungs is the same whatever the class.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungscope.errors import InvalidSetting
from lungscope.phantom.anatomy import Anatomy, entry
from lungscope.phantom.exposure import Exposure
from lungscope.phantom.fields import Field, mottle, ramp, wide_blur
from lungscope.phantom.projection import Pose, project

FindingPainter: TypeAlias = Callable[[np.random.Generator, Anatomy, Pose, int], Field]
"""(rng, anatomy, pose, size) -> (size, size) float32: attenuation where a ray crosses a full lung.

It counts only as far as a ray does cross a lung (`Projection.lung`)."""


def clear(rng: np.random.Generator, anatomy: Anatomy, pose: Pose, size: int) -> Field:  # noqa: ARG001
    """Normal: the lungs hold nothing but air and vessels."""
    return np.zeros((size, size), np.float32)


def focal(rng: np.random.Generator, anatomy: Anatomy, pose: Pose, size: int) -> Field:
    """Lung opacity: one or two soft-edged consolidations."""
    x, y = pose.body(size)
    opacity = _focus(rng, anatomy, x, y)
    if rng.random() < 0.5:
        np.maximum(opacity, _focus(rng, anatomy, x, y), out=opacity)
    return opacity


def diffuse(rng: np.random.Generator, anatomy: Anatomy, pose: Pose, size: int) -> Field:  # noqa: ARG001
    """Viral pneumonia: patchy ground glass with a fine net in both lungs."""
    haze, net = rng.uniform(0.20, 0.45), rng.uniform(0.20, 0.40)
    patches = np.clip(0.75 + 0.2 * mottle(rng, size, 6), 0.5, 1.2)
    # Lines run where smooth noise passes through zero.
    lines = np.zeros((size, size), np.float32)
    for blobs in (40, 64):
        noise = mottle(rng, size, blobs)
        lines += np.exp(noise * noise * -20)
    ground_glass: Field = patches * (haze + 0.6 * net * lines)
    return ground_glass


FINDINGS: dict[str, FindingPainter] = {
    "Lung Opacity": focal,
    "Normal": clear,
    "Viral Pneumonia": diffuse,
}


def _focus(rng: np.random.Generator, anatomy: Anatomy, x: Field, y: Field) -> Field:
    side, height = int(rng.integers(2)), rng.uniform(-0.5, 0.35)
    inner, outer = anatomy.lung_span(height, side)
    column = (2 * side - 1) * (inner + rng.uniform(0.25, 0.75) * (outer - inner))
    floor = float(anatomy.dome[entry(np.asarray(column, np.float32))])
    dx, dy = x - column, y - min(height, floor - 0.1)
    radius, stretch = rng.uniform(0.14, 0.3) * (outer - inner), rng.uniform(0.75, 1.3)
    angle = rng.uniform(0, np.pi)
    cos, sin = float(np.cos(angle)) / radius, float(np.sin(angle)) / radius
    u, v = (dx * cos + dy * sin) * stretch, (dy * cos - dx * sin) / stretch
    distance = np.sqrt(u * u + v * v) * (1 + 0.22 * mottle(rng, len(x), 14))
    return rng.uniform(0.45, 0.9) * ramp(1.35 - distance, 0.9)


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

    Examples:
        >>> draw_phantom("Normal", seed=3, size=64).pixels.shape
        (64, 64)
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
