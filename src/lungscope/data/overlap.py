"""Which images of a data set a model has seen in its training: same bytes, picture or patient.

What is searched are hashes (`inference.training_images`), made of a run's images here or carried
by an exported model. Candidates differ in few bits of their perceptual hash in one of 418 views
(mirrored, turned, cropped by up to 10 % or larger by as much); the sketch of their fine detail
confirms them.

Measured with `benchmarks/overlap.py` on 2,935 films and 200 copies of each kind: found are all that
are mirrored, cropped by up to 10 %, resized, of another gamma, turned by 7 degrees, recompressed at
quality 50, or most of it at once; 98.5 % at quality 20. Of 6,110 films of other patients none is
taken for one of them: the best agreement is 0.840.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lungscope.data.index import Entry
from lungscope.data.signatures import (
    SKETCH_BYTES,
    Sketcher,
    hash_original,
    hash_views,
    list_views,
    sketch_original,
)
from lungscope.data.split import Split
from lungscope.data.survey import THUMBNAIL
from lungscope.errors import InvalidData, ModelDamaged, UnreadableImage
from lungscope.images import read, to_square
from lungscope.inference.training_images import SALT_BYTES, VERSION, TrainingImages, hash_group
from lungscope.parallel import map_files
from lungscope.progress import OnProgress, ignore

DISTANCE = 10
"""Bits of 64 in which the hashes of a candidate may differ from those of a training image."""

MOST_FITTED = 32
"""Candidates of an image whose windows are fitted: those whose sketches agree best as they are."""

AGREEMENT = 0.85
"""Proportion of the signs of two sketches that agree, from which they show one picture."""

_BLOCK = 2048
"""Training images that are compared at a time."""

OverlapKind = Literal["bytes", "picture", "group"]
"""What an image shares with the training: its file's bytes, its picture, or its group (patient)."""

KINDS: tuple[OverlapKind, ...] = ("bytes", "picture", "group")

OVERLAP_WORDS: dict[OverlapKind, str] = {
    "bytes": "with the same bytes",
    "picture": "with the same picture",
    "group": "of the same patient",
}
"""Each kind in words."""


@dataclass(frozen=True)
class OverlappingImage:
    """An image that the model has seen, or whose patient it has.

    Attributes:
        file: its path in the data set.
        kind: the first that applies, of bytes, picture and group.
    """

    file: str
    kind: OverlapKind


@dataclass(frozen=True)
class Overlap:
    """What a data set shares with the images that a model was trained on.

    Attributes:
        searched: the kinds that could be searched for; none where the model does not say what it
            was trained on.
        training_images: how many training and validation images it was compared with.
        images: those of the data set that overlap, in its order.
    """

    searched: tuple[OverlapKind, ...]
    training_images: int
    images: tuple[OverlappingImage, ...]

    @property
    def counts(self) -> dict[OverlapKind, int]:
        """Number of images by kind, of the kinds that were searched for."""
        found = Counter(each.kind for each in self.images)
        return {kind: found[kind] for kind in self.searched}


NOT_SEARCHED = Overlap((), 0, ())
"""Of a model that does not say what it was trained on."""


@dataclass(frozen=True, eq=False)
class _Look:
    """What is seen of one file."""

    sha256: bytes
    thumbnail: NDArray[np.uint8]


def hash_training_images(
    splits: Sequence[Split],
    data: Path,
    salt: bytes,
    workers: int | None = None,
    on_progress: OnProgress = ignore,
) -> TrainingImages:
    """Hashes the training and validation images of splits.

    Both count as seen: the validation images chose the epoch, the temperature and the thresholds.

    Args:
        splits: what the model, or each network of it, was trained on.
        data: the folder that its files are relative to; where it lacks some of them, only the
            hashes of bytes and groups are made, which the split has.
        salt: of the hashes of groups; its first 16 bytes are used.
        workers: processes that read files; one per processor by default.
        on_progress: called after each file.

    Raises:
        InvalidData: a file has changed since the split was made.
    """
    seen = [entry for split in splits for entry in split.entries if entry.subset != "test"]
    entries = list({entry.file: entry for entry in seen}.values())
    grain = np.frombuffer(salt[:SALT_BYTES].ljust(SALT_BYTES, b"\0"), np.uint8)
    named = all(split.grouped_by == "group-column" for split in splits)
    names = {entry.group for entry in seen} if named else set()
    groups = sorted(hash_group(name, grain) for name in names)
    looks: list[_Look] = []
    if all((data / entry.file).is_file() for entry in entries):
        paths = [data / entry.file for entry in entries]
        found = list(map_files(_look, paths, workers, on_progress))
        for entry, look in zip(entries, found, strict=True):
            if look is None or look.sha256.hex() != entry.sha256:
                raise InvalidData(
                    f"{data}: {entry.file} changed since the split was made; give the images that "
                    "the run was trained on"
                )
            looks.append(look)
    return TrainingImages(
        sha256=_rows([bytes.fromhex(entry.sha256) for entry in entries], 32),
        hashes=np.array([hash_original(look.thumbnail) for look in looks], dtype=np.uint64),
        sketches=_rows([sketch_original(look.thumbnail).tobytes() for look in looks], SKETCH_BYTES),
        groups=_rows(groups, 8),
        salt=grain,
        version=np.array([VERSION], dtype=np.uint8),
    )


def find_overlap(
    root: Path,
    entries: Sequence[Entry],
    seen: TrainingImages,
    workers: int | None = None,
    on_progress: OnProgress = ignore,
) -> Overlap:
    """Finds the images that a model has seen. Files that cannot be read are passed over.

    Args:
        root: the folder that the entries' files are relative to.
        entries: the images of the data set.
        seen: what the model was trained on.
        workers: processes; one per processor by default.
        on_progress: called after each file.

    Examples:
        >>> from lungscope.data import Index, Split
        >>> index, split = Index.open("xrays"), Split.load("runs/lung/split.json")
        >>> seen = hash_training_images([split], index.root, b"salt")
        >>> find_overlap(index.root, index.entries, seen).counts
        {'bytes': 54, 'picture': 0, 'group': 0}
    """
    if len(seen.hashes) and seen.sketches.shape[1] != SKETCH_BYTES:
        raise ModelDamaged(f"training images: sketches of {seen.sketches.shape[1]} bytes")
    work = partial(_classify, root, seen)
    kinds = list(map_files(work, entries, workers, on_progress))
    searched = {"bytes": True, "picture": len(seen.hashes) > 0, "group": len(seen.groups) > 0}
    return Overlap(
        searched=tuple(kind for kind in KINDS if searched[kind]),
        training_images=seen.images,
        images=tuple(
            OverlappingImage(entry.file, kind)
            for entry, kind in zip(entries, kinds, strict=True)
            if kind is not None
        ),
    )


def best_agreement(thumbnail: NDArray[np.uint8], seen: TrainingImages) -> float:
    """Computes how well the sketches of a picture and of its best candidate agree.

    Args:
        thumbnail: (64, 64), of the picture.
        seen: N images with hashes and sketches.

    Returns:
        In [0, 1], 0 where there is no candidate. From `AGREEMENT` on the search ends: a better
        one may be there.
    """
    views, sketcher = list_views(), Sketcher(thumbnail)
    candidates: list[tuple[float, int, int]] = []
    for view, rows in _candidates(hash_views(thumbnail), seen.hashes):
        found = sketcher.agreements(views[view], seen.sketches[rows])
        candidates += [(float(a), view, int(row)) for a, row in zip(found, rows, strict=True)]
    candidates.sort(reverse=True)
    best = 0.0
    for _, number, row in candidates[:MOST_FITTED]:
        best = max(best, sketcher.fit(views[number], seen.sketches[row]))
        if best >= AGREEMENT:
            break
    return best


def _candidates(
    views: NDArray[np.uint64], hashes: NDArray[np.uint64]
) -> list[tuple[int, NDArray[np.intp]]]:
    """Lists views with the positions of the hashes that are near to them."""
    found: list[tuple[int, NDArray[np.intp]]] = []
    for start in range(0, len(hashes), _BLOCK):
        bits = np.bitwise_count(views[:, None] ^ hashes[None, start : start + _BLOCK])
        near = bits <= DISTANCE
        found += [
            (int(view), np.flatnonzero(near[view]) + start)
            for view in np.flatnonzero(near.any(axis=1))
        ]
    return found


def _classify(root: Path, seen: TrainingImages, entry: Entry) -> OverlapKind | None:
    look = _look(root / entry.file)
    if look is not None and seen.holds_content(look.sha256):
        return "bytes"
    if look is not None and len(seen.hashes) and best_agreement(look.thumbnail, seen) >= AGREEMENT:
        return "picture"
    if entry.group is not None and seen.holds_group(entry.group):
        return "group"
    return None


def _look(path: Path) -> _Look | None:
    try:
        radiograph = read(path)
    except UnreadableImage:
        return None
    return _Look(hashlib.sha256(path.read_bytes()).digest(), to_square(radiograph, THUMBNAIL))


def _rows(values: Sequence[bytes], width: int) -> NDArray[np.uint8]:
    """(N, width) uint8."""
    return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), width)
