"""Unpacks a zip archive from a stranger: only harmless files, only inside one new folder."""

import io
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from lungscope.atomic import new_folder
from lungscope.errors import Inaccessible, InvalidData, NotFound
from lungscope.images.files import IMAGE_SUFFIXES

KEPT = IMAGE_SUFFIXES | {".txt", ".md", ".csv", ".tsv", ".json"}
"""What is unpacked, by the end of its name: images and texts, nothing that runs."""

CONTENT = "a data set"
"""What an archive is unpacked to, in messages."""

_CHUNK = 1 << 20
_ENTRY = 320  # bytes of central directory allowed to a member: 46, its name and its extras
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,  # NotImplementedError too: zipfile's word for a feature that it lacks
)


class ArchiveError(InvalidData):
    """An archive whose content is damaged or hostile.

    Attributes:
        reason: what is wrong with it, without where it is.
    """

    def __init__(self, where: Path | str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class Limits:
    """The most that an archive may hold before it is taken for an attack.

    Attributes:
        files: members, folders and skipped ones among them.
        size: bytes on disk after unpacking.
        ratio: bytes on disk for one byte of archive; deflate reaches 1,032.
        name_length: bytes of a member's whole name in UTF-8.
    """

    files: int = 50_000
    size: int = 8 << 30
    ratio: int = 100
    name_length: int = 240


@dataclass(frozen=True)
class Unpacked:
    """What came out of an archive.

    Attributes:
        files: number of files written.
        size: bytes written, inner archives included.
        skipped: names of members that are neither images nor text, in the archive's order.
    """

    files: int
    size: int
    skipped: tuple[str, ...]


def unpack(archive: Path, target: Path, limits: Limits = Limits()) -> Unpacked:
    """Unpacks the images and texts of a zip into a new folder, all of them or none.

    An archive in the archive is unpacked too, into a folder of its name (repositories wrap a
    deposited zip in another one); what is nested deeper is skipped. Names, sizes and kinds are
    checked before anything is written, sizes again while writing. File modes, times and owners
    in the archive are ignored.

    Args:
        archive: a zip file.
        target: the folder to make; it may exist if it is empty.
        limits: what is refused for its size.

    Raises:
        ArchiveError: not a zip, a damaged one, or one that holds a name outside the folder, a
            link or special file, an encrypted or doubled member, or more than `limits` allow.
        InvalidSetting: `target` is a file, or a folder that is not empty.
        NotFound: there is no such `archive`.
        LungscopeError: the disk is full, or a file can't be read or written.
    """
    with new_folder(target, CONTENT) as folder:
        outer = _extract(archive, archive, folder, limits, KEPT | {".zip"})
        inner = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".zip")
        unpacked = replace(outer, files=outer.files - len(inner))
        for path in inner:
            left = replace(
                limits, files=limits.files - unpacked.files, size=limits.size - unpacked.size
            )
            name = path.relative_to(folder)
            nested = _extract(path, archive / name, path.with_suffix(""), left, KEPT)
            path.unlink()
            unpacked = Unpacked(
                files=unpacked.files + nested.files,
                size=unpacked.size + nested.size,
                skipped=unpacked.skipped
                + tuple(f"{name.as_posix()}/{skipped}" for skipped in nested.skipped),
            )
    return unpacked


class _BoundedReader(io.BufferedReader):
    """Refuses a huge read: zipfile reads a central directory, however long, in one."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(io.FileIO(path))
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._most:
            raise zipfile.BadZipFile("its table of contents is too long")
        return super().read(self._most if size is None or size < 0 else size)


def _extract(
    archive: Path, shown: Path, folder: Path, limits: Limits, kept: frozenset[str]
) -> Unpacked:
    with _opened(archive, shown, limits) as content:
        members, skipped = _checked(content.infolist(), shown, limits, kept)
        allowed = min(limits.size, limits.ratio * archive.stat().st_size)
        if sum(member.file_size for member, _ in members) > allowed:
            raise ArchiveError(shown, f"would unpack to more than {allowed:,} bytes")
        size = 0
        folder.mkdir(exist_ok=True)
        for member, path in members:
            destination = folder / path
            destination.parent.mkdir(parents=True, exist_ok=True)
            with destination.open("xb") as file:
                for chunk in _chunks(content, member, shown):
                    size += len(chunk)
                    if size > allowed:
                        raise ArchiveError(shown, f"unpacks to more than {allowed:,} bytes")
                    file.write(chunk)
    return Unpacked(len(members), size, skipped)


@contextmanager
def _opened(archive: Path, shown: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    try:
        file = _BoundedReader(archive, max(_CHUNK, limits.files * _ENTRY))
    except OSError as error:
        kind = NotFound if isinstance(error, FileNotFoundError) else Inaccessible
        raise kind(f"{shown}: cannot be read: {error.strerror or error}") from error
    with file:
        try:
            content = zipfile.ZipFile(file)
        except (*_UNREADABLE, OSError) as error:
            raise ArchiveError(shown, "is not a zip archive, or a damaged one") from error
        with content:
            yield content


def _checked(
    members: list[zipfile.ZipInfo], shown: Path, limits: Limits, kept: frozenset[str]
) -> tuple[list[tuple[zipfile.ZipInfo, PurePosixPath]], tuple[str, ...]]:
    if len(members) > limits.files:
        raise ArchiveError(shown, f"holds more than {limits.files:,} files")
    files: list[tuple[zipfile.ZipInfo, PurePosixPath]] = []
    skipped: list[str] = []
    seen: set[str] = set()
    for member in members:
        # `filename` is what zipfile made of it: cut at a NUL, with separators replaced.
        name = member.orig_filename
        if reason := _refusal(member, limits):
            raise ArchiveError(shown, f"member {name[:80]!r} {reason}")
        path = PurePosixPath(name)
        if name.endswith("/") or _is_clutter(path):
            continue
        if _folded(path) in seen:
            raise ArchiveError(shown, f"member {name[:80]!r} is there twice")
        seen.add(_folded(path))
        if path.suffix.lower() in kept:
            files.append((member, path))
        else:
            skipped.append(name)
    for member, path in files:
        if any(_folded(parent) in seen for parent in path.parents):
            name = member.orig_filename
            raise ArchiveError(shown, f"member {name[:80]!r} lies in a file, not a folder")
    return files, tuple(skipped)


def _refusal(member: zipfile.ZipInfo, limits: Limits) -> str | None:
    name = member.orig_filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    parts = name.split("/")
    reasons = {
        "has a name that is too long": len(name.encode()) > limits.name_length,
        "has a name with control or invisible characters": not name.isprintable(),
        "has an empty name": not PurePosixPath(name).parts,
        "has an absolute path or a drive": name.startswith("/") or ":" in name,
        "has a backslash in its name": "\\" in name,
        "leads out of the folder": ".." in parts,
        "has the name of a device": any(_DEVICE.match(part) for part in parts),
        "is a link or a special file": kind not in (0, stat.S_IFREG, stat.S_IFDIR),
        "is encrypted": bool(member.flag_bits & 0x2041),
        "is compressed by a method other than deflate": member.compress_type
        not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED),
    }
    return next((reason for reason, found in reasons.items() if found), None)


def _is_clutter(path: PurePosixPath) -> bool:
    # What macOS adds: resource forks named like the images, which are none.
    return "__MACOSX" in path.parts or path.name == ".DS_Store" or path.name.startswith("._")


def _folded(path: PurePosixPath) -> str:
    # Windows and macOS take names for one file that differ in case or in composition of accents.
    return unicodedata.normalize("NFC", str(path)).casefold()


def _chunks(content: zipfile.ZipFile, member: zipfile.ZipInfo, shown: Path) -> Iterator[bytes]:
    size = 0
    name = member.orig_filename[:80]
    try:
        with content.open(member) as file:
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                yield chunk
    except (*_UNREADABLE, OSError) as error:
        raise ArchiveError(shown, f"member {name!r} is damaged") from error
    if size != member.file_size:
        raise ArchiveError(shown, f"member {name!r} is shorter than the archive says")
