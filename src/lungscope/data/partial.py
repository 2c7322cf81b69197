"""What has come of a download, kept on disk so that a later attempt or call can go on from it."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lungscope import atomic
from lungscope.errors import LungscopeError


@dataclass(frozen=True)
class Origin:
    """Which archive a partial download is a part of.

    Attributes:
        url: the address asked for, before redirects.
        validator: ETag or date for If-Range; without one the server can't be asked to go on.
        size: bytes of the whole archive, if the server said.
    """

    url: str
    validator: str | None
    size: int | None


@dataclass(frozen=True)
class Partial:
    """A download on disk that may be unfinished.

    Attributes:
        folder: where it lies, with a note of its origin and a lock; nothing else is in there.
    """

    folder: Path

    @property
    def file(self) -> Path:
        """The archive, or as much of it as came."""
        return self.folder / "archive.zip"

    @property
    def size(self) -> int:
        """Bytes that came, >= 0."""
        return self.file.stat().st_size if self.file.is_file() else 0

    @property
    def ends_as_zip(self) -> bool:
        """Whether the file has the directory that a zip archive ends with."""
        try:
            return zipfile.is_zipfile(self.file)
        except zipfile.BadZipFile:
            return False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes out of the folder; removes it if nothing is left in it.

        Raises:
            LungscopeError: another process holds it, or the disk is full or can't be written to,
                whether here or in the block.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / "lock", timeout=0)
            lock.acquire()
            try:
                yield
            finally:
                lock.release()
                if not self.size:
                    shutil.rmtree(self.folder, ignore_errors=True)
        except Timeout as error:
            raise LungscopeError(
                f"{self.folder}: another process downloads here; wait until it is done"
            ) from error
        except OSError as error:
            raise LungscopeError(
                f"{self.folder}: cannot be written: {error.strerror or error}; what came is kept"
            ) from error

    def origin(self, url: str) -> Origin | None:
        """What is known of the archive, if it is the one at `url`."""
        try:
            known = json.loads(self._note.read_bytes())
            if known["url"] == url:
                return Origin(url, known["validator"], known["size"])
        except (OSError, ValueError, TypeError, KeyError):
            pass  # none, or one that a kill or a stranger spoilt: the download starts anew
        return None

    def is_whole(self, origin: Origin) -> bool:
        """Whether all of the archive came."""
        if origin.size is not None:
            return self.size == origin.size
        return self.ends_as_zip

    def begin(self, origin: Origin) -> None:
        """Empties the file and notes which archive it will be a part of."""
        # In this order a kill in between leaves an empty archive, never one of another origin.
        self.file.write_bytes(b"")
        atomic.write_json(self._note, asdict(origin))

    def discard(self) -> None:
        """Throws away what came."""
        self.file.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    @property
    def _note(self) -> Path:
        return self.folder / "origin.json"
