"""The folder of what is in work: files that are there whole or not at all, and survive a crash."""

import shutil
import sqlite3
import uuid
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from lungscope.atomic import PARTIAL, rename_durably, sync_file, sync_folder
from lungscope.errors import LungscopeError

RECEIVED, RESULTS = "received", "results"
REPORT, PICTURE = "report", "picture"
_OCCUPIED = "occupied.sqlite"
_OWNER_ONLY = 0o700


class Spool:
    """The files of a spool. Names come from `uids.key_of`, never from what a file says."""

    def __init__(self, folder: Path) -> None:
        """Opens or makes the folder, readable by its owner alone.

        Raises:
            LungscopeError: it cannot be written.
        """
        self.folder = folder
        self._received, self._results = folder / RECEIVED, folder / RESULTS
        try:
            for each in (folder, self._received, self._results):
                each.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
                with suppress(PermissionError):  # another's folder, which this user may write
                    each.chmod(_OWNER_ONLY)
            for each in (self._received, self._results):
                for unfinished in each.glob(f"*{PARTIAL}"):
                    unfinished.unlink()
                sync_folder(each)
            sync_folder(folder)
        except OSError as error:
            raise LungscopeError(
                f"{folder}: cannot be used as a spool ({error.strerror or error})"
            ) from error

    @property
    def free(self) -> int:
        """Bytes that are free on its disk."""
        return shutil.disk_usage(self.folder).free

    def write_partial(self, parts: Iterable[bytes | memoryview]) -> Path:
        """Writes an instance under a temporary name, and waits until it is on disk.

        Raises:
            OSError: the disk is full or cannot be written; nothing is left.
        """
        return _written(self._received, parts)

    def accept(self, partial: Path, key: str) -> None:
        """Gives what `write_partial` wrote its name, and waits until that is on disk."""
        rename_durably(partial, self.image(key))

    def write_result(self, key: str, kind: str, content: bytes) -> None:
        """Writes a result, whole or not at all, and waits until it is on disk.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        partial = _written(self._results, [content])
        rename_durably(partial, self._results / f"{key}-{kind}.dcm")

    def image(self, key: str) -> Path:
        """Where an instance is."""
        return self._received / f"{key}.dcm"

    def results(self, key: str) -> list[Path]:
        """The results of an instance: a report, and a picture where there is one."""
        named = (self._results / f"{key}-{kind}.dcm" for kind in (REPORT, PICTURE))
        return [path for path in named if path.exists()]

    def keys(self) -> set[str]:
        """Of all instances whose file is there."""
        return {path.stem for path in self._received.glob("*.dcm")}

    def remove(self, key: str) -> None:
        """Removes an instance and its results."""
        self.image(key).unlink(missing_ok=True)
        self.remove_results(key)

    def remove_results(self, key: str) -> None:
        """Removes the results of an instance."""
        for path in self.results(key):
            path.unlink(missing_ok=True)


class SpoolLock:
    """The right to work on a spool, which one process has at a time.

    It ends with the process, however that ends: SQLite's lock is one of the operating system's.
    """

    def __init__(self, folder: Path) -> None:
        """Takes it.

        Raises:
            LungscopeError: another process has it.
        """
        path = folder / _OCCUPIED
        try:
            self._connection = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            why = (
                "another lungscope pacs works on this spool"
                if "locked" in str(error)
                else f"this spool cannot be written ({error})"
            )
            raise LungscopeError(f"{folder}: {why}") from error

    @staticmethod
    def is_taken(folder: Path) -> bool:
        """Whether a process works on a spool; nothing is written."""
        path = folder / _OCCUPIED
        if not path.exists():
            return False
        uri = f"file:{quote(str(path.resolve()))}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, timeout=0, uri=True)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            return "locked" in str(error)
        return False

    def end(self) -> None:
        """Gives it back."""
        self._connection.close()


def _written(folder: Path, parts: Iterable[bytes | memoryview]) -> Path:
    partial = folder / f".{uuid.uuid4().hex}{PARTIAL}"
    try:
        with partial.open("xb") as file:
            for part in parts:
                file.write(part)
        sync_file(partial)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return partial
