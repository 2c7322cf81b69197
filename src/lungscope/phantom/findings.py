"""What the classes of the chest phantom look like: the only thing that knows the class."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from lungscope.phantom.anatomy import Anatomy, entry
from lungscope.phantom.fields import Field, mottle, ramp
from lungscope.phantom.projection import Pose

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
