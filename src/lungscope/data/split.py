"""The split manifest: which image is for training, validation or test, as a file.

`split.json` names every image with its class, content hash, group and subset. Training and
evaluation read it, and refuse it if an image changed or if a group or an image is in two subsets.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from lungscope.atomic import refuse_existing, write_json
from lungscope.data.index import DataPath, Index
from lungscope.data.labelled_file import is_below
from lungscope.errors import DataLeak, Inaccessible, InvalidData, InvalidSetting, NotFound
from lungscope.text import describe_fault, html_table, list_some

Subset = Literal["train", "validation", "test"]
SUBSETS: tuple[Subset, ...] = get_args(Subset)
GroupedBy = Literal["group-column", "near-duplicates"]
"""What the groups of a split are, as a code."""

GROUPED_BY: dict[GroupedBy, str] = {
    "group-column": "groups of the data's table, and near-duplicates",
    "near-duplicates": "near-duplicates",
}
"""The same in words."""

VERSION = 2
"""Version of the file format; in version 1 a subset was called a side."""

LARGEST_FILE = 256 * 2**20
"""Largest manifest that is read, in bytes; about a million images."""

UNKNOWN_SOURCE = "unknown"
"""Name of the source of images without one, where others have one."""


@dataclass(frozen=True)
class SplitEntry:
    """One image of a split.

    Attributes:
        file: path relative to the data folder, with forward slashes.
        label: position of its class in `Split.classes`.
        sha256: of the file's bytes, in hexadecimal.
        group: what must stay in one subset, e.g. a patient.
        subset: "train", "validation" or "test".
        source: where the image comes from, if known.
        columns: as `Entry.columns`: what else the data's table says of it.
    """

    file: str
    label: int
    sha256: str
    group: str
    subset: Subset
    source: str | None = None
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Split:
    """A complete, leak-free assignment of images to subsets.

    Attributes:
        classes: class names, in the order of the labels.
        entries: in the order of their file names.
        grouped_by: what the groups are: "group-column" or "near-duplicates".
        seed: seed of the random assignment.
        description: the kind of split in words, e.g. "80/10/10" or "fold 2 of 5".
        held_out: the sources that the test subset consists of, which no other subset has; none
            where it was drawn at random.
        data_sets: as `Index.data_sets`: what it was made of, if not the data folder itself.

    Raises:
        DataLeak: an image or a group is in two subsets.
        InvalidData: fewer than two classes, a file listed twice, a subset without a class (the test
            subset may lack some where sources are held out), or a held-out source elsewhere.

    Examples:
        >>> from lungscope.data import Split
        >>> split = Split.load("runs/lung/split.json")
        >>> split.classes
        ('Lung Opacity', 'Normal', 'Viral Pneumonia')
        >>> split.verify("xrays")
    """

    classes: tuple[str, ...]
    entries: tuple[SplitEntry, ...]
    grouped_by: GroupedBy
    seed: int
    description: str
    held_out: tuple[str, ...] = ()
    data_sets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes) or len(self.classes) < 2:
            raise InvalidData(f"split: classes {self.classes} must be two or more different ones")
        _refuse_leaks(self.entries)
        self._refuse_held_out_elsewhere()
        for subset in SUBSETS:
            present = {entry.label for entry in self.entries if entry.subset == subset}
            if subset == "test" and self.held_out and present:
                continue
            for label, name in enumerate(self.classes):
                if label not in present:
                    raise InvalidData(
                        f"split: no image of class {name!r} in the {subset} subset; the data has "
                        "too few images or groups of it for this split"
                    )

    def _refuse_held_out_elsewhere(self) -> None:
        if not self.held_out:
            return
        for entry in self.entries:
            if (entry.source in self.held_out) != (entry.subset == "test"):
                raise InvalidData(
                    f"split: {entry.file!r} of source {entry.source!r} is in the {entry.subset} "
                    f"subset, but the test subset is to be {', '.join(self.held_out)} alone"
                )

    def subset(self, subset: Subset) -> tuple[SplitEntry, ...]:
        """Returns the images of one subset, in the order of their file names.

        Raises:
            InvalidSetting: there is no such subset.
        """
        if subset not in SUBSETS:
            raise InvalidSetting(f"subset {subset!r:.40} is unknown; give {', '.join(SUBSETS)}")
        return tuple(entry for entry in self.entries if entry.subset == subset)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every image's content, class and subset: equal for equal splits."""
        lines = sorted(f"{e.sha256} {self.classes[e.label]} {e.subset}" for e in self.entries)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self.subset(subset))} {subset}" for subset in SUBSETS)
        return (
            f"Split({self.description!r}: {counts}; classes {list_some(self.classes)}; "
            f"grouped by {self.grouped_by}, seed {self.seed})"
        )

    def _repr_html_(self) -> str:
        counts = Counter((entry.label, entry.subset) for entry in self.entries)
        rows = [
            (name, *(counts[label, subset] for subset in SUBSETS))
            for label, name in enumerate(self.classes)
        ]
        caption = f"{self.description}, {GROUPED_BY[self.grouped_by]} kept together"
        return html_table(("class", *SUBSETS), rows, caption=caption)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Writes the manifest as JSON, whole or not at all.

        Args:
            path: the file.
            overwrite: whether a file that is there is replaced.

        Raises:
            AlreadyExists: the file is there, and `overwrite` is off.
            Inaccessible: the file can't be written.
        """
        path = Path(path)
        refuse_existing(path, overwrite=overwrite)
        write_json(
            path,
            {
                "format": "lungscope-split",
                "version": VERSION,
                "description": self.description,
                "seed": self.seed,
                "grouped_by": self.grouped_by,
                "held_out": self.held_out,
                "data_sets": self.data_sets,
                "fingerprint": self.fingerprint,
                "classes": self.classes,
                "images": [
                    asdict(entry)
                    | {"label": self.classes[entry.label], "columns": dict(entry.columns)}
                    for entry in self.entries
                ],
            },
        )

    @classmethod
    def load(cls, path: str | Path) -> "Split":
        """Reads a manifest.

        Args:
            path: a `split.json`.

        Raises:
            NotFound: there is no such file.
            DataLeak: an image or a group is in two subsets.
            InvalidData: it is over 256 MiB, not a manifest, of another version, or was edited.
            Inaccessible: it can't be read.
        """
        path = Path(path)
        try:
            value = json.loads(_text(path))
            if value["format"] != "lungscope-split":
                raise InvalidData(f"{path}: not a split manifest")
            if value["version"] != VERSION:
                raise InvalidData(
                    f"{path}: split format version {value['version']!r:.20}, this lungscope reads "
                    f"{VERSION}",
                    remedy="split",
                )
            split = _from_json(value)
            changed = split.fingerprint != value["fingerprint"]
        except OSError as error:
            if path.is_dir():
                raise NotFound(f"{path}: is a folder; give the split.json in it") from error
            kind = NotFound if isinstance(error, FileNotFoundError) else Inaccessible
            raise kind(f"{path}: {error.strerror or error}", remedy="split") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = describe_fault(error)
            raise InvalidData(f"{path}: not a split manifest ({reason:.200})") from error
        if changed:
            raise InvalidData(f"{path}: was changed after it was written", remedy="split")
        return split

    def open_index(self, root: Path) -> Index:
        """Opens the data that the split was made of.

        Args:
            root: the folder that its files are relative to.

        Raises:
            NotFound, InvalidData, Inaccessible: as `Index.open`.
        """
        return Index.open([root / name for name in self.data_sets] or root)

    def find_root(self, data: DataPath) -> Path:
        """Finds the folder that the split's files are relative to.

        Args:
            data: the folder or table that it was made of; of several, all of them or the folder
                that holds them.

        Raises:
            NotFound, InvalidData, Inaccessible: as `Index.open`.
        """
        if isinstance(data, str | Path) and self.data_sets:
            root = Path(data)
            if all((root / name).exists() for name in self.data_sets):
                return root
        return Index.open(data).root

    def verify(self, data: Index | str | Path) -> None:
        """Checks that the files on disk are the manifest's, by their content hashes.

        Args:
            data: the folder that the files are relative to, or an index of it.

        Raises:
            NotFound: files are missing; the first is named.
            InvalidData: the content of files changed; the first is named.
            Inaccessible: a file can't be read.
        """
        root = data.root if isinstance(data, Index) else Path(data)
        try:
            missing = [entry.file for entry in self.entries if not (root / entry.file).is_file()]
            if missing:
                raise NotFound(
                    f"{root}: {len(missing)} of the split's {len(self.entries)} images are "
                    f"missing, first {missing[0]}",
                    remedy="data",
                )
            changed = [e.file for e in self.entries if sha256_of(root / e.file) != e.sha256]
        except OSError as error:
            raise Inaccessible(
                f"{error.filename or root}: cannot be read: {error.strerror or error}"
            ) from error
        if changed:
            raise InvalidData(
                f"{root}: {len(changed)} images changed since the split was made, first "
                f"{changed[0]}; make a new split"
            )


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, in hexadecimal."""
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
            raise InvalidData(f"split: {entry.file!r} is listed more than once")
        listed.add(entry.file)
        groups[entry.group].add(entry.subset)
        contents[entry.sha256].add(entry.subset)
        files.setdefault(entry.sha256, entry.file)
    for group, subsets in groups.items():
        if len(subsets) > 1:
            raise DataLeak(
                f"split: leak: group {group!r} is in two subsets: {' and '.join(sorted(subsets))}"
            )
    for content, subsets in contents.items():
        if len(subsets) > 1:
            raise DataLeak(
                f"split: leak: the image {files[content]!r} is in two subsets: "
                f"{' and '.join(sorted(subsets))}"
            )


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise InvalidData(f"{path}: over {LARGEST_FILE >> 20} MiB: not a split manifest")
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
                columns=_columns(image["columns"]),
            )
            for image in value["images"]
        ),
        grouped_by=_grouped_by(value["grouped_by"]),
        seed=_integer(value["seed"]),
        description=_string(value["description"]),
        held_out=tuple(_string(source) for source in value["held_out"]),
        data_sets=tuple(_relative(_string(name)) for name in value.get("data_sets", ())),
    )


def _columns(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.60} is not an object")
    return tuple((name, _string(cell)) for name, cell in value.items())


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


def _grouped_by(code: object) -> GroupedBy:
    for known in GROUPED_BY:
        if code == known:
            return known
    raise ValueError(f"grouped_by {code!r:.60} must be one of {', '.join(GROUPED_BY)}")


def _subset(subset: object) -> Subset:
    for known in SUBSETS:
        if subset == known:
            return known
    raise ValueError(f"subset {subset!r:.60} must be one of {', '.join(SUBSETS)}")
