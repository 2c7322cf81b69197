"""How sure the search for images that a model has seen is: misses and false alarms.

    python benchmarks/overlap.py TRAINED_ON OTHERS [--copies 300] [--others-most 2000]

Copies of images of TRAINED_ON (recompressed, mirrored, cropped, resized, turned) are to be found by
their hashes and sketches; images of OTHERS whose patients are not in TRAINED_ON are not. Both are
data sets with a group column. Shown are quantiles of the best agreement of sketches, and the
proportions found at several thresholds; `lungscope.data.overlap.AGREEMENT` is chosen by them.
"""

import argparse
import hashlib
import io
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lungscope.data import overlap
from lungscope.data.index import Index
from lungscope.data.overlap import AGREEMENT, best_agreement
from lungscope.data.signatures import hash_original, sketch_original
from lungscope.data.survey import THUMBNAIL
from lungscope.images import read, to_square
from lungscope.images.radiograph import Radiograph
from lungscope.inference.training_images import VERSION, TrainingImages
from lungscope.parallel import map_files

Copy = Callable[[Image.Image, np.random.Generator], Image.Image]
THRESHOLDS = (0.80, 0.82, 0.84, AGREEMENT, 0.86, 0.88)


def recompress(quality: int, image: Image.Image, _: np.random.Generator) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    with Image.open(stream) as again:
        return again.convert("L")


def crop(proportion: float, image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Cuts a proportion off rows and columns, divided between both ends at random."""
    cut = [proportion * length for length in image.size]
    left, top = (generator.random() * each for each in cut)
    right, bottom = image.width - cut[0] + left, image.height - cut[1] + top
    return image.crop((round(left), round(top), round(right), round(bottom)))


def up_to(most: float, image: Image.Image, generator: np.random.Generator) -> Image.Image:
    return crop(most * generator.random(), image, generator)


def resize(width: float, height: float, image: Image.Image, _: np.random.Generator) -> Image.Image:
    return image.resize((round(width * image.width), round(height * image.height)))


def all_at_once(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    smaller = resize(0.7, 0.7, ImageOps.mirror(up_to(0.1, image, generator)), generator)
    return recompress(60, smaller, generator)


COPIES: dict[str, Copy] = {
    "as it is, other file": lambda image, _: image,
    "JPEG of quality 50": partial(recompress, 50),
    "JPEG of quality 20": partial(recompress, 20),
    "mirrored left-right": lambda image, _: ImageOps.mirror(image),
    "upside down": lambda image, _: ImageOps.flip(image),
    "resized to 60 %": partial(resize, 0.6, 0.6),
    "stretched by 20 %": partial(resize, 1.2, 1.0),
    "cropped by up to 10 %": partial(up_to, 0.1),
    "cropped by 10 %": partial(crop, 0.1),
    "cropped by 13 %": partial(crop, 0.13),
    "border of 5 % added": lambda image, _: ImageOps.expand(image, round(image.width * 0.026)),
    "gamma 1.4": lambda image, _: image.point([round(255 * (v / 255) ** 1.4) for v in range(256)]),
    "histogram equalised": lambda image, _: ImageOps.equalize(image),
    "turned by 7 degrees": lambda image, _: image.rotate(7, Image.Resampling.BILINEAR),
    "mirrored, cropped by up to 10 %, 70 % of size, JPEG 60": all_at_once,
}


def thumbnail_of(path: Path) -> NDArray[np.uint8]:
    return to_square(read(path), THUMBNAIL)


def thumbnail_of_copy(image: Image.Image) -> NDArray[np.uint8]:
    pixels = np.asarray(image, dtype=np.float32) / 255
    return to_square(Radiograph(pixels, Path("copy.png"), "PNG", "L", 8), THUMBNAIL)


def best_of_copy(seen: TrainingImages, path: Path, name: str, seed: int) -> float:
    image = Image.fromarray(np.round(read(path).pixels * 255).astype(np.uint8))
    copied = COPIES[name](image, np.random.default_rng(seed))
    return best_agreement(thumbnail_of_copy(copied), seen)


def best_of_file(seen: TrainingImages, path: Path) -> float:
    return best_agreement(thumbnail_of(path), seen)


def line(name: str, found: list[float]) -> str:
    values = np.array(found)
    quantiles = " ".join(f"{each:.3f}" for each in np.quantile(values, (0, 0.01, 0.5, 0.99, 1)))
    rates = " ".join(f"{100 * (values >= each).mean():6.2f}" for each in THRESHOLDS)
    return f"{name:58} {len(values):5} {quantiles}  {rates}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("trained_on", type=Path)
    parser.add_argument("others", type=Path)
    parser.add_argument("--copies", type=int, default=300)
    parser.add_argument("--others-most", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    generator = np.random.default_rng(given.seed)
    index, others = Index.open(given.trained_on), Index.open(given.others)
    overlap.AGREEMENT = 1.1  # the search is not to end early: the best agreement is wanted
    paths = [index.path(entry) for entry in index.entries]
    started = time.perf_counter()
    thumbnails = list(map_files(thumbnail_of, paths))
    seen = TrainingImages(
        sha256=np.stack([np.frombuffer(hashlib.sha256(t).digest(), np.uint8) for t in thumbnails]),
        hashes=np.array([hash_original(each) for each in thumbnails]),
        sketches=np.stack([sketch_original(each) for each in thumbnails]),
        groups=np.zeros((0, 8), np.uint8),
        salt=np.zeros(16, np.uint8),
        version=np.array([VERSION], np.uint8),
    )
    print(f"{seen.images} training images, {time.perf_counter() - started:.0f} s")
    heading = " ".join(f"{each:>6}" for each in THRESHOLDS)
    print(f"{'':58}   all  min    1 %   50 %  99 %  max    % from {heading}")
    chosen = generator.choice(len(paths), given.copies, replace=False)
    for name in COPIES:
        found = [best_of_copy(seen, paths[k], name, int(k)) for k in chosen]
        print(line(name, found), flush=True)
    known = {entry.group for entry in index.entries}
    unknown = [others.path(each) for each in others.entries if each.group not in known]
    drawn = generator.permutation(len(unknown))[: given.others_most]
    started = time.perf_counter()
    found = [best_of_file(seen, unknown[k]) for k in drawn]
    print(line("OTHER PATIENTS", found))
    for k in np.argsort(found)[::-1][:10]:
        print(f"    {found[k]:.3f} {unknown[drawn[k]].name}")
    print(f"{1000 * (time.perf_counter() - started) / len(found):.0f} ms an image")


if __name__ == "__main__":
    main()
