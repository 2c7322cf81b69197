"""Which score tells what is no chest X-ray: published scores on the same images, side by side.

    python benchmarks/abstention.py RUN --data DATA [--others FOLDER ...] [--device cpu]

Scores are fitted on the run's training images, thresholds on its validation images (so that 99 % of
X-rays are kept), and everything is shown of others: the X-rays of the test side, the same turned
and inverted, pictures that are drawn here (noise, text, gradients, plots), CT and MR slices from
pydicom, and whatever images lie in the folders of --others, as they are and cropped to squares.
"last" are the features that the classifier is given, "levels" those of `models.levels`.

A second table says how many spoiled X-rays are kept, with the accuracy that they leave.
"""

import argparse
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from lungscope.audit.perturbations import PERTURBATIONS
from lungscope.export.abstaining import choose_max_distance, fit_reference
from lungscope.models.levels import compute_levels
from lungscope.training.input import normalise, to_unit
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.data import get_testdata_file
from scipy.special import logsumexp, softmax
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from lungscope.errors import LungscopeError
from lungscope.evaluation.run_evaluation import open_evaluated
from lungscope.images import ANYTHING, Preprocessing, read, to_square
from lungscope.models import Network
from lungscope.training.run import RunFolder
from lungscope.training.scoring import BATCH, Change, unchanged

Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]

DRAWN = 60
"""Pictures of each kind that is drawn."""

NOT_CHEST = ("CT_small.dcm", "MR_small.dcm", "693_J2KI.dcm", "JPEG2000.dcm", "examples_overlay.dcm")
STRENGTHS = (1, 3)


@dataclass(frozen=True)
class Seen:
    """What a network makes of N images: features (N, F) of two kinds, logits (N, K)."""

    last: Values
    levels: Values
    logits: Values


Score = Callable[[Seen], Values]


class Eye:
    """A network that looks at bytes."""

    def __init__(self, network: Network, preprocessing: Preprocessing, device: str) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last).eval()
        self.preprocessing, self.device = preprocessing, device

    def see(self, pixels: Pixels, change: Change = unchanged) -> Seen:
        found = [self._see(part, change) for part in torch.from_numpy(pixels).split(BATCH)]
        return Seen(
            *(torch.cat(parts).double().cpu().numpy() for parts in zip(*found, strict=True))
        )

    @torch.inference_mode()
    def _see(self, pixels: torch.Tensor, change: Change) -> tuple[torch.Tensor, ...]:
        images = change(to_unit(pixels.unsqueeze(1).to(self.device)))
        maps, levels = compute_levels(self.network, normalise(images, self.preprocessing))
        pooled = self.network.pool(maps)
        last = pooled if pooled.ndim == 2 else pooled.mean(dim=(2, 3))
        return last, levels, self.network.classifier(pooled)


def mahalanobis(features: Values, labels: NDArray[np.int64] | None = None) -> Score:
    """Squared, to the nearest class of one covariance, or to all X-rays together."""
    labels = np.zeros(len(features), dtype=np.int64) if labels is None else labels
    spread = np.maximum(features.std(axis=0), 1e-9)
    means = [features[labels == each].mean(axis=0) for each in np.unique(labels)]
    centred = features - np.stack(means)[np.searchsorted(np.unique(labels), labels)]
    covariance, _ = ledoit_wolf(centred / spread, assume_centered=True)
    values, vectors = np.linalg.eigh(covariance)
    whiten = (vectors / np.sqrt(values)) / spread[:, None]
    return lambda rows: np.min([(((rows - mean) @ whiten) ** 2).sum(1) for mean in means], axis=0)


def neighbours(features: Values, number: int) -> Score:
    def unit(rows: Values) -> Values:
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    bank = NearestNeighbors(n_neighbors=number, algorithm="brute").fit(unit(features))
    return lambda rows: bank.kneighbors(unit(rows))[0][:, -1]


def residual(features: Values, axes: int) -> Score:
    mean = features.mean(axis=0)
    kept = np.linalg.svd(features - mean, full_matrices=False)[2][:axes]
    return lambda rows: np.linalg.norm((rows - mean) - (rows - mean) @ kept.T @ kept, axis=1)


def scores(train: Seen, labels: NDArray[np.int64], temperature: float) -> dict[str, Score]:
    by_class, alike = mahalanobis(train.last, labels), mahalanobis(train.last)
    rest = residual(train.last, train.last.shape[1] // 5)
    weight = train.logits.max(axis=1).mean() / rest(train.last).mean()
    nearest, of_last = neighbours(train.levels, 5), neighbours(train.last, 5)
    level_class, level_rest = mahalanobis(train.levels, labels), residual(train.levels, 32)
    reference = fit_reference(train.levels)
    return {
        "last: maximum softmax (Hendrycks 2017)": lambda seen: (
            -softmax(seen.logits / temperature, axis=1).max(axis=1)
        ),
        "last: energy (Liu 2020)": lambda seen: -logsumexp(seen.logits, axis=1),
        "last: Mahalanobis, by class (Lee 2018)": lambda seen: by_class(seen.last),
        "last: Mahalanobis, relative (Ren 2021)": lambda seen: (
            by_class(seen.last) - alike(seen.last)
        ),
        "last: 5th neighbour (Sun 2022)": lambda seen: of_last(seen.last),
        "last: residual of principal axes": lambda seen: rest(seen.last),
        "last: ViM (Wang 2022)": lambda seen: (
            weight * rest(seen.last) - logsumexp(seen.logits, axis=1)
        ),
        "levels: 5th neighbour (Sun 2022)": lambda seen: nearest(seen.levels),
        "levels: residual of principal axes": lambda seen: level_rest(seen.levels),
        "levels: Mahalanobis, by class (Lee 2018)": lambda seen: level_class(seen.levels),
        "levels: Mahalanobis (Rippel 2020)": lambda seen: reference.distance(seen.levels),
    }


def as_square(image: Image.Image, size: int) -> Pixels:
    return np.asarray(image.convert("L").resize((size, size), Image.Resampling.BILINEAR))


def smooth_noise(cells: int, size: int, generator: np.random.Generator) -> Pixels:
    coarse = Image.fromarray(generator.random((cells, cells)).astype(np.float32))
    fine = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))
    return ((fine - fine.min()) / np.ptp(fine) * 255).astype(np.uint8)


def page(number: int, size: int, generator: np.random.Generator) -> Pixels:
    paper, ink = (0, 255) if number % 4 == 3 else (255, 0)
    drawn = Image.new("L", (620, 800), paper)
    font, letters = int(generator.integers(9, 24)), list("abcdefghijklmnopqrstuvwxyz    ")
    for top in range(40, 760, font + 6):
        line = "".join(generator.choice(letters, int(generator.integers(20, 70))))
        ImageDraw.Draw(drawn).text((50, top), line, ink, ImageFont.load_default(font))
    return as_square(drawn, size)


def gradient(number: int, size: int, generator: np.random.Generator) -> Pixels:
    rows, columns = np.indices((size, size)) / size - 0.5
    angle, (low, high) = generator.random() * 2 * np.pi, np.sort(generator.integers(0, 256, 2))
    shade = np.cos(angle) * rows + np.sin(angle) * columns if number % 3 else rows**2 + columns**2
    return (low + (shade - shade.min()) / np.ptp(shade) * (high - low)).astype(np.uint8)


def plot(number: int, size: int, generator: np.random.Generator) -> Pixels:
    figure, axes = plt.subplots(figsize=(4, 3))
    draw = (
        lambda: axes.plot(generator.normal(size=(50, 3)).cumsum(axis=0)),
        lambda: axes.bar(range(8), generator.random(8)),
        lambda: axes.imshow(generator.random((6, 6))),
        lambda: axes.scatter(*generator.normal(size=(2, 80))),
    )
    draw[number % len(draw)]()
    held = io.BytesIO()
    figure.savefig(held, dpi=80)
    plt.close(figure)
    return as_square(Image.open(held), size)


def drawn_here(size: int) -> dict[str, Pixels]:
    generator = np.random.default_rng(0)
    noise = np.concatenate(
        [
            generator.integers(0, 256, (DRAWN, size, size), dtype=np.uint8),
            generator.normal(128, 40, (DRAWN, size, size)).clip(0, 255).astype(np.uint8),
            [smooth_noise(int(n), size, generator) for n in generator.integers(3, 28, DRAWN)],
        ]
    )
    kinds = {"text": page, "gradients": gradient, "plots": plot}
    return {"noise": noise} | {
        name: np.stack([draw(n, size, generator) for n in range(DRAWN)])
        for name, draw in kinds.items()
    }


def found_in(folder: Path, size: int) -> dict[str, Pixels]:
    whole, cropped = [], []
    for path in sorted(folder.rglob("*")):
        try:
            whole.append(to_square(read(path, ANYTHING), size))
            image = Image.open(path).convert("L")
        except (LungscopeError, OSError):
            continue
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        cropped.append(as_square(image.crop((left, top, left + side, top + side)), size))
    return {folder.name: np.stack(whole), f"{folder.name}, square": np.stack(cropped)}


def strange(test: Pixels, others: Sequence[Path]) -> dict[str, Pixels]:
    size = test.shape[-1]
    turned = {
        "inverted": 255 - test,
        "sideways, left": np.rot90(test, 1, (1, 2)).copy(),
        "sideways, right": np.rot90(test, 3, (1, 2)).copy(),
        "upside down": test[:, ::-1].copy(),
    }
    slices = [to_square(read(str(get_testdata_file(n)), ANYTHING), size) for n in NOT_CHEST]
    found = [found_in(folder, size) for folder in others]
    return {
        name: pixels
        for part in (turned, drawn_here(size), {"CT and MR": np.stack(slices)}, *found)
        for name, pixels in part.items()
    }


def compare(by: Mapping[str, Score], validation: Seen, test: Seen, odd: Mapping[str, Seen]) -> None:
    names = list(odd)
    for number, name in enumerate(names):
        print(f"  {chr(ord('a') + number)}  {name} ({len(odd[name].last)})")
    letters = "".join(f"{chr(ord('a') + n):>7}" for n in range(len(names)))
    print(f"\n{'% kept of X-rays, % refused of each kind':42}{'kept':>7}{letters}")
    for title, score in by.items():
        limit = choose_max_distance(score(validation))
        kept = (score(test) <= limit).mean()
        refused = [(score(odd[name]) > limit).mean() for name in names]
        print(f"{title:42}{kept:7.1%}" + "".join(f"{share:7.1%}" for share in refused))
    print(f"\n{'AUROC against X-rays of the test side':42}{'':7}{letters}")
    for title, score in by.items():
        own = score(test)
        areas = [
            roc_auc_score(
                np.r_[np.zeros(len(own)), np.ones(len(odd[name].last))],
                np.r_[own, score(odd[name])],
            )
            for name in names
        ]
        print(f"{title:49}" + "".join(f"{area:7.3f}" for area in areas))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--others", type=Path, nargs="*", default=[])
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    mpl.use("agg")
    checkpoint, split, cache = open_evaluated(RunFolder.open(options.run), options.data, None)
    description = checkpoint.description
    eye = Eye(checkpoint.network, description.preprocessing, options.device)
    pixels = {side: cache.pixels[cache.rows(split.side(side))] for side in ("train", "test")}
    train, test = eye.see(pixels["train"]), eye.see(pixels["test"])
    validation = eye.see(cache.pixels[cache.rows(split.side("validation"))])
    labels, truth = (np.array([e.label for e in split.side(s)]) for s in ("train", "test"))
    by = scores(train, labels, description.temperature)
    odd = {name: eye.see(each) for name, each in strange(pixels["test"], options.others).items()}
    print(
        f"{description.identity}: {len(validation.last)} X-rays to choose on, {len(truth)} to test"
    )
    compare(by, validation, test, odd)

    print(f"\n{'X-rays of the test side':34}{'accuracy':>10}{'kept':>8}")
    score = list(by.values())[-1]
    limit = choose_max_distance(score(validation))
    for name, seen in {"as they are": test, **dict(list(odd.items())[:4])}.items():
        print_kept(name, seen, truth, score(seen) <= limit)
    for each in PERTURBATIONS:
        for strength in STRENGTHS:
            seen = eye.see(pixels["test"], each.at(strength))
            print_kept(f"{each.title}, strength {strength}", seen, truth, score(seen) <= limit)


def print_kept(name: str, seen: Seen, truth: Values, kept: NDArray[np.bool_]) -> None:
    accuracy = (seen.logits.argmax(axis=1) == truth).mean()
    print(f"{name:34}{accuracy:10.1%}{kept.mean():8.1%}")


if __name__ == "__main__":
    main()
