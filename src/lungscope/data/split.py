"""The split manifest: which image is for training, validation or test, as a file.

`split.json` names every image with its class, content hash, group and subset. Whoever trains or
evaluates reads it, and is refused if an image changed or if a group or a picture is in two subsets.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from lungscope.atomic import write_json
from lungscope.data.index import is_below
from lungscope.errors import LungscopeError

Subset = Literal["train", "validation", "test"]
SUBSETS: tuple[Subset, ...] = get_args(Subset)
VERSION = 1
LARGEST_FILE = 256 * 2**20
"""Bytes; about a million images."""


UNKNOWN_SOURCE = "unknown"
"""How images without a source are called where others have one."""


@dataclass(frozen=True)
class SplitEntry:
    """One image of a split.

    Attributes:
        file: path relative to the data folder, with forward slashes.
        label: position of its class in `Split.classes`.
        sha256: of the file's bytes, in hexadecimal.
        group: what stays in one subset together.
        subset: "train", "validation" or "test".
        source: where the image comes from, if known.
    """

    file: str
    label: int
    sha256: str
    group: str
    subset: Subset
    source: str | None = None


@dataclass(frozen=True)
class Split:
    """A complete, leak-free assignment of images to subsets.

    Attributes:
        classes: class names, in the order of the labels.
        entries: in the order of their file names.
        grouped_by: what the groups are: "group column" or "near-duplicates".
        seed: that the assignment was drawn with.
        description: the kind of split in words, e.g. "80/10/10" or "fold 2 of 5".
    """

    classes: tuple[str, ...]
    entries: tuple[SplitEntry, ...]
    grouped_by: str
    seed: int
    description: str

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes) or len(self.classes) < 2:
            raise LungscopeError(
                f"split: classes {self.classes} must be two or more different ones"
            )
        _refuse_leaks(self.entries)
        for subset in SUBSETS:
            present = {entry.label for entry in self.entries if entry.subset == subset}
            for label, name in enumerate(self.classes):
                if label not in present:
                    raise LungscopeError(
                        f"split: no image of class {name!r} in the {subset} subset; the data has "
                        "too few images or groups of it for this split"
                    )

    def subset(self, subset: Subset) -> tuple[SplitEntry, ...]:
        """The images of one subset."""
        return tuple(entry for entry in self.entries if entry.subset == subset)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every image's content, class and subset: equal for equal splits."""
        lines = sorted(f"{e.sha256} {self.classes[e.label]} {e.subset}" for e in self.entries)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Writes the manifest as JSON, atomically."""
        write_json(
            path,
            {
                "format": "lungscope-split",
                "version": VERSION,
                "description": self.description,
                "seed": self.seed,
                "grouped_by": self.grouped_by,
                "fingerprint": self.fingerprint,
                "classes": self.classes,
                "images": [
                    asdict(entry) | {"label": self.classes[entry.label]} for entry in self.entries
                ],
            },
        )

    @classmethod
    def load(cls, path: Path) -> "Split":
        """Reads a manifest.

        Raises:
            LungscopeError: not found, over 256 MiB, not a manifest, of another version, edited by
                hand, or with a leak.
        """
        try:
            value = json.loads(_text(path))
            if value["format"] != "lungscope-split":
                raise LungscopeError(f"{path}: not a split manifest")
            if value["version"] != VERSION:
                raise LungscopeError(
                    f"{path}: split format version {value['version']!r:.20}, "
                    f"this lungscope reads {VERSION}"
                )
            split = _from_json(value)
            changed = split.fingerprint != value["fingerprint"]
        except OSError as error:
            raise LungscopeError(
                f"{path}: {error.strerror or error}; make one with `lungscope data split`"
            ) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise LungscopeError(f"{path}: not a split manifest ({reason:.200})") from error
        if changed:
            raise LungscopeError(f"{path}: was changed after it was written; make it anew")
        return split

    def verify(self, root: Path) -> None:
        """Holds the manifest against the files on disk.

        Raises:
            LungscopeError: a file is missing, closed to us or its content changed; the first is
                named.
        """
        try:
            missing = [entry.file for entry in self.entries if not (root / entry.file).is_file()]
            if missing:
                raise LungscopeError(
                    f"{root}: {len(missing)} of the split's {len(self.entries)} images are "
                    f"missing, first {missing[0]}; is this the folder that it was made from?"
                )
            changed = [e.file for e in self.entries if sha256_of(root / e.file) != e.sha256]
        except OSError as error:
            raise LungscopeError(
                f"{error.filename or root}: cannot be read: {error.strerror or error}"
            ) from error
        if changed:
            raise LungscopeError(
                f"{root}: {len(changed)} images changed since the split was made, first "
                f"{changed[0]}; make a new split"
            )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        digest = hashlib.new("sha256")
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _refuse_leaks(entries: Iterable[SplitEntry]) -> None:
    groups: dict[str, set[str]] = defaultdict(set)
    contents: dict[str, set[str]] = defaultdict(set)
    files: dict[str, str] = {}
    listed: set[str] = set()
    for entry in entries:
        if entry.file in listed:
            raise LungscopeError(f"split: {entry.file!r} is listed more than once")
        listed.add(entry.file)
        groups[entry.group].add(entry.subset)
        contents[entry.sha256].add(entry.subset)
        files.setdefault(entry.sha256, entry.file)
    for group, subsets in groups.items():
        if len(subsets) > 1:
            raise LungscopeError(
                f"split: leak: group {group!r} is on {' and '.join(sorted(subsets))}"
            )
    for content, subsets in contents.items():
        if len(subsets) > 1:
            raise LungscopeError(
                f"split: leak: the picture {files[content]!r} is on {' and '.join(sorted(subsets))}"
            )


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise LungscopeError(f"{path}: over {LARGEST_FILE >> 20} MiB: not a split manifest")
    return content.decode()


def _from_json(value: dict[str, Any]) -> Split:
    classes = tuple(_string(name) for name in value["classes"])
    return Split(
        classes=classes,
        entries=tuple(
            SplitEntry(
                file=_relative(_string(image["file"])),
                label=classes.index(image["label"]),
                sha256=_string(image["sha256"]),
                group=_string(image["group"]),
                subset=_subset(image["subset"]),
                source=None if image["source"] is None else _string(image["source"]),
            )
            for image in value["images"]
        ),
        grouped_by=_string(value["grouped_by"]),
        seed=_integer(value["seed"]),
        description=_string(value["description"]),
    )


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is not a text")
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r:.60} is not a whole number")
    return value


def _relative(file: str) -> str:
    if not is_below(file):
        raise ValueError(f"file {file!r:.60} does not lie below the data folder")
    return file


def _subset(subset: object) -> Subset:
    for known in SUBSETS:
        if subset == known:
            return known
    raise ValueError(f"subset {subset!r:.60} is none of {', '.join(SUBSETS)}")
