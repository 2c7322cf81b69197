"""Views of all films, and what the trunk makes of them: computed once, kept in a folder."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from films import FRONTAL, LATERAL, PHANTOM, Films
from network import export_trunk
from numpy.typing import NDArray
from torch import Tensor
from views import LATERAL_FILM, OTHER, drawn, film_views, other_views, to_bytes

from lungscope.inference.gate import VIEWS, View
from lungscope.inference.runtime import open_graph
from lungscope.parallel import cpu_count
from lungscope.progress import OnProgress

FRONTAL_VIEWS = 2
"""Drawn of every frontal film, besides the film as it is and the film mirrored."""

TURNED = 0.4
"""Proportion of frontal films of which each other view is drawn."""

LATERAL_VIEWS, OTHER_VIEWS = 100, 25
"""Drawn of every image that is no frontal film: the fewer images, the more views."""

DRAWN = 1500
BATCH = 256


@dataclass(frozen=True, eq=False)
class Examples:
    """N views.

    Attributes:
        maps: (N, 32, 8, 8) float16, the trunk's.
        view: (N,) places in `VIEWS`.
        row: (N,) the film it was drawn from, its row in `Films`; -1 for what was drawn by itself.
        varied: (N,) whether it was varied: False for an image as it is.
    """

    maps: NDArray[np.float16]
    view: NDArray[np.int64]
    row: NDArray[np.int64]
    varied: NDArray[np.bool_]

    @classmethod
    def load(cls, films: Films, folder: Path, progress: OnProgress) -> "Examples":
        """Computes them, or reads what an earlier call kept in `folder`."""
        kept = folder / "examples.npz"
        if not kept.exists():
            np.savez(kept, **vars(_compute(films, progress)))
        with np.load(kept) as arrays:
            return cls(**{name: arrays[name] for name in ("maps", "view", "row", "varied")})

    def of(self, column: NDArray[np.str_]) -> NDArray[np.str_]:
        """(N,) a column of the films, for each view; "drawn" where there is no film."""
        return np.where(self.row < 0, "drawn", column[self.row])


@dataclass(eq=False)
class _Collected:
    """Views on their way to `Examples`."""

    images: list[Tensor] = field(default_factory=list)
    view: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    varied: list[bool] = field(default_factory=list)

    def add(self, images: Tensor, view: View, rows: NDArray[np.int64], *, varied: bool) -> None:
        self.images.append(images)
        self.view += [VIEWS.index(view)] * len(rows)
        self.row += rows.tolist()
        self.varied += [varied] * len(rows)


def _compute(films: Films, progress: OnProgress) -> Examples:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.from_numpy(films.pixels)[:, None]
    exact = torch.from_numpy(films.exact)[:, None]
    frontal = np.flatnonzero(np.isin(films.kind, (FRONTAL, PHANTOM)))
    lateral = np.flatnonzero(films.kind == LATERAL)
    other = np.flatnonzero(~np.isin(films.kind, (FRONTAL, PHANTOM, LATERAL)))
    made = _Collected()
    made.add(exact[frontal], "frontal", frontal, varied=False)
    made.add(exact[frontal].flip(3), "mirrored", frontal, varied=False)
    made.add(exact[lateral], "lateral", lateral, varied=False)
    made.add(exact[other], "other", other, varied=False)
    shuffled = np.random.default_rng(0)
    wanted: list[tuple[View, NDArray[np.int64]]] = [("frontal", frontal)] * FRONTAL_VIEWS
    wanted.append(("mirrored", frontal))
    some_views: tuple[View, ...] = ("turned-90", "turned-180", "turned-270", "inverted", "other")
    part = round(TURNED * len(frontal))
    wanted += [(view, shuffled.permutation(frontal)[:part]) for view in some_views]
    for view, rows in wanted:
        for some in _batches(rows):
            seen = film_views(pixels[some].float() / 255, view, generator)
            made.add(seen, view, some, varied=True)
    for some in _batches(np.repeat(lateral, LATERAL_VIEWS)):
        seen = other_views(pixels[some].float() / 255, LATERAL_FILM, generator)
        made.add(seen, "lateral", some, varied=True)
    for some in _batches(np.repeat(other, OTHER_VIEWS)):
        seen = other_views(pixels[some].float() / 255, OTHER, generator)
        made.add(seen, "other", some, varied=True)
    made.add(to_bytes(drawn(DRAWN, 0)), "other", np.full(DRAWN, -1), varied=True)
    maps = _maps(torch.cat(made.images).numpy(), progress)
    return Examples(maps, *(np.array(each) for each in (made.view, made.row, made.varied)))


def _batches(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _maps(images: NDArray[np.uint8], progress: OnProgress) -> NDArray[np.float16]:
    session = open_graph(export_trunk(), "trunk")
    found = []
    with ThreadPoolExecutor(cpu_count()) as pool:
        asked = pool.map(lambda each: session.run(None, {"images": each[None]})[0], images)
        for done, maps in enumerate(asked, start=1):
            found.append(maps.astype(np.float16))
            progress(done, len(images))
    return np.concatenate(found)
