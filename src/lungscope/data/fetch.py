"""Gets the paper's images from their public record: downloaded, then unpacked and counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from lungscope.atomic import refuse_occupied
from lungscope.data import archive, classes
from lungscope.data.class_folders import IGNORED_FOLDERS
from lungscope.data.download import downloaded
from lungscope.images.files import is_image_file
from lungscope.progress import OnProgress, ignore


@dataclass(frozen=True)
class Record:
    """A public set of labelled images.

    Attributes:
        name: the set's title.
        url: address of a zip of all its files.
        counts: images of each class, by class name; spellings are compared loosely.
        doi: identifier of the version that `url` gives.
        licence: the terms of use, in words.
    """

    name: str
    url: str
    counts: Mapping[str, int]
    doi: str
    licence: str


PAPER_SET = Record(
    name="Lung X-Ray Image",
    url="https://data.mendeley.com/public-api/zip/9d55cttn5h/download/1",
    counts=MappingProxyType({"Lung_Opacity": 1125, "Normal": 1250, "Viral Pneumonia": 1100}),
    doi="10.17632/9d55cttn5h.1",
    licence="the terms shown at https://doi.org/10.17632/9d55cttn5h.1",
)
"""The images of arXiv 2408.13180, section III-A."""


@dataclass(frozen=True)
class Fetched:
    """A record's images on disk.

    Attributes:
        folder: where they are.
        counts: images found of each of the record's classes, and of every other folder with
            images by its name.
        expected: images of each class by the record.
        skipped: names of the archive's members that are neither images nor text.
    """

    folder: Path
    counts: Mapping[str, int]
    expected: Mapping[str, int]
    skipped: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether exactly the record's images were found."""
        return dict(self.counts) == dict(self.expected)


def fetch_dataset(
    target: Path,
    record: Record = PAPER_SET,
    on_progress: OnProgress = ignore,
    *,
    url: str | None = None,
    timeout: float = 30.0,
    attempts: int = 5,
) -> Fetched:
    """Downloads a record's archive and unpacks it into a new folder.

    The archive is kept in `<target>.partial-download/` until the images are in place: after a kill
    or a full disk while unpacking, the same call does not download it again. A download that is
    cut short starts again from the beginning.

    Args:
        target: the folder to make; it may exist if it is empty.
        record: what to get.
        on_progress: called with bytes (done, total); total is 0 while the server doesn't say.
        url: another address of the same archive (a mirror); https, or http on this machine.
        timeout: seconds without a byte after which the connection is given up.
        attempts: connections to try, >= 1, with pauses of 1, 2, 4, ... seconds between them.

    Returns:
        The folder and what was found in it; a count other than the record's is no error.

    Raises:
        InvalidSetting: `target` is in use, or `url` is not a valid https address.
        InvalidData: the server sent something other than a zip archive.
        ArchiveError: the archive is damaged or hostile; it is removed.
        LungscopeError: no network, a server that fails, a full disk.
    """
    refuse_occupied(target, frozenset(), archive.CONTENT, force=False)
    url = url or record.url
    whole = target.resolve()
    folder = whole.with_name(whole.name + ".partial-download")
    with downloaded(url, folder, on_progress, timeout=timeout, attempts=attempts) as path:
        try:
            fetched = unpack_record(path, target, record)
        except archive.ArchiveError as error:
            path.unlink()
            raise archive.ArchiveError(
                url, f"{error.reason}; the download was removed; fetch again or tell its owners"
            ) from error
        path.unlink()
    return fetched


def unpack_record(path: Path, target: Path, record: Record = PAPER_SET) -> Fetched:
    """Unpacks an archive that was downloaded by other means, e.g. in a browser.

    Args:
        path: the record's zip; it is left as it is.
        target: the folder to make; it may exist if it is empty.
        record: what the archive should hold.

    Raises:
        ArchiveError: the archive is damaged or hostile.
        InvalidSetting: `target` is in use.
        NotFound: there is no such file.
        Inaccessible: the disk is full.
    """
    unpacked = archive.unpack(path, target)
    return Fetched(target, _counted(target, record), record.counts, unpacked.skipped)


def _counted(folder: Path, record: Record) -> dict[str, int]:
    names = {classes.key(name): name for name in record.counts}
    found = Counter(dict.fromkeys(record.counts, 0))
    for path in folder.rglob("*"):
        above = path.relative_to(folder).parts[:-1]
        if not IGNORED_FOLDERS & {p.lower() for p in above} and is_image_file(path):
            known = [names[classes.key(part)] for part in above if classes.key(part) in names]
            found[known[-1] if known else "/".join(above) or "."] += 1
    return dict(found)
