"""Cross-validates the gate: on films of a hospital, and on kinds of images, that it never saw.

    python gate/validate.py DATA --cache FOLDER

Seven folds. Each leaves out all films of a hospital, some kinds of other images entirely, four of
the lateral films ("unseen"), and a seventh of all other patients and images ("known": others of
their hospital or kind were seen). DATA and FOLDER as for `gate/fit.py`.
"""

import argparse
import zlib
from pathlib import Path

import numpy as np
import torch
from examples import Examples
from films import FRONTAL, LATERAL, PHANTOM, Films
from fit import LIMITS
from numpy.typing import NDArray

from lungscope.inference.gate import VIEWS
from lungscope.progress import ignore
from training import apply_head, fit_head

HOSPITALS = (
    ("guangzhou", "guangzhou-paediatric"),
    ("rsna-adult", "nih-adleberg"),
    ("covidradiography-covid", "covidradiography-normal"),
    ("qatar-tb-set",),
    ("covid-cxnet",),
    ("ieee8023",),
    ("openist",),
)
KINDS = (
    ("ct",),
    ("limb",),
    ("spine",),
    ("photograph",),
    ("mr",),
    ("dental", "skull"),
    ("ultrasound", "dicom-other"),
)
FOLDS = len(HOSPITALS)
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9)
UPRIGHT = ("frontal", "mirrored")

Booleans = NDArray[np.bool_]


def out_of_fold(examples: Examples, films: Films, cache: Path) -> dict[str, NDArray[np.float32]]:
    """Probabilities (N, 8) by a head that never saw "unseen" or "known" ones; NaN for others.

    They are computed, or read where an earlier call kept them in `cache`.
    """
    kept = cache / "out-of-fold.npz"
    if not kept.exists():
        np.savez(kept, **_out_of_fold(examples, films))
    with np.load(kept) as arrays:
        return {name: arrays[name] for name in NAMES}


def _out_of_fold(examples: Examples, films: Films) -> dict[str, NDArray[np.float32]]:
    source, kind = examples.of(films.source), examples.of(films.kind)
    lateral = np.flatnonzero(films.kind == LATERAL)
    fold_of = np.array([zlib.crc32(group.encode()) % FOLDS for group in films.group])
    fold_of[lateral] = np.arange(len(lateral)) * FOLDS // len(lateral)
    fold = np.where(examples.row < 0, -1, fold_of[examples.row])
    found = {name: np.full((len(kind), len(VIEWS)), np.nan, np.float32) for name in NAMES}
    for number in range(FOLDS):
        unseen = np.isin(source, HOSPITALS[number]) | np.isin(kind, KINDS[number])
        unseen |= (kind == LATERAL) & (fold == number)
        known = (fold == number) & ~unseen
        head = fit_head(examples, films, ~unseen & ~known)
        for name, left_out in zip(NAMES, (unseen, known), strict=True):
            rows = np.flatnonzero(left_out)
            found[name][rows] = apply_head(head, examples, rows)
    return found


NAMES = ("unseen", "known")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    films = Films.load(options.data, options.cache / "films.npz")
    examples = Examples.load(films, options.cache, ignore)
    found = out_of_fold(examples, films, options.cache)
    for name in NAMES:
        report(name, found[name], examples, films)


def report(name: str, probabilities: NDArray[np.float32], examples: Examples, films: Films) -> None:
    """Prints what passes and what does not."""
    source, kind = examples.of(films.source), examples.of(films.kind)
    view = np.array(VIEWS)[examples.view]
    tested = ~np.isnan(probabilities[:, 0])
    upright = probabilities[:, :2].sum(axis=1)
    frontal = tested & (kind == FRONTAL)
    as_is = frontal & (view == "frontal") & ~examples.varied
    varied = frontal & (view == "frontal") & examples.varied

    print(f"\n{name}: % at a least probability of " + "".join(f"{each:>8}" for each in LEVELS))

    def row(title: str, chosen: Booleans, *, passing: bool) -> None:
        if chosen.any():
            shares = [np.mean((upright[chosen] >= each) == passing) for each in LEVELS]
            cells = "".join(f"{100 * each:8.2f}" for each in shares)
            print(f"{title:38}{chosen.sum():6}{cells}")

    print("refused")
    row("frontal films", as_is, passing=False)
    for each in np.unique(source[as_is]):
        row(f"  {each}", as_is & (source == each), passing=False)
    row("  varied", varied, passing=False)
    for each in np.unique(source[varied]):
        row(f"  varied, {each}", varied & (source == each), passing=False)
    print("answered")
    own = tested & ~np.isin(kind, (FRONTAL, PHANTOM, "drawn"))
    for each in np.unique(kind[own]):
        row(f"  {each}", own & (kind == each) & ~examples.varied, passing=True)
        row(f"  {each}, varied", own & (kind == each) & examples.varied, passing=True)
    for each in VIEWS:
        if each not in UPRIGHT:
            row(f"  {each} films", frontal & (view == each), passing=True)

    passed = upright >= LIMITS.min_upright
    named = np.array(VIEWS)[2 + probabilities[:, 2:].argmax(axis=1)]
    print(f"named rightly, of those refused at {LIMITS.min_upright}")
    for each in VIEWS:
        chosen = tested & (view == each) & ~passed & (kind != PHANTOM)
        if each not in UPRIGHT and chosen.any():
            print(f"  {each:36}{chosen.sum():6}{100 * np.mean(named[chosen] == each):8.2f}")
    print("said to be mirrored, %, at             " + "".join(f"{each:>8}" for each in MIRRORED))
    mirrored = probabilities[:, 1] / upright
    for title in UPRIGHT:
        chosen = frontal & (view == title) & ~examples.varied & passed
        shares = [100 * np.mean(mirrored[chosen] > each) for each in MIRRORED]
        print(f"  {title:36}{chosen.sum():6}" + "".join(f"{each:8.2f}" for each in shares))


MIRRORED = (0.5, 0.8, 0.9, 0.95, 0.98)


if __name__ == "__main__":
    main()
