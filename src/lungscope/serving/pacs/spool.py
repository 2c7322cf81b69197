"""The spool: a folder of the instances being processed and their results."""

import hashlib
import shutil
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from lungscope.atomic import PARTIAL, rename_durably, sync_file, sync_folder
from lungscope.errors import InUse, InvalidSetting

RECEIVED, RESULTS = "received", "results"
_LOCK, _PATIENCE = ".lock", 1.0
_OWNER_ONLY = 0o700


class Spool:
    """The files of a spool, named by `key_of` and never by what a file contains."""

    def __init__(self, folder: Path) -> None:
        """Opens or makes the folders, readable by their owner alone.

        Nothing that is there is touched; see `remove_partials`.

        Raises:
            InvalidSetting: it cannot be written.
        """
        self.folder = folder
        self._received, self._results = folder / RECEIVED, folder / RESULTS
        try:
            for each in (folder, self._received, self._results):
                each.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
                with suppress(PermissionError):  # another's folder, which this user may write
                    each.chmod(_OWNER_ONLY)
                sync_folder(each)
        except OSError as error:
            raise InvalidSetting(
                f"{folder}: cannot be used as a spool ({error.strerror or error})"
            ) from error

    def remove_partials(self) -> None:
        """Removes files that a crash left half-written; only for who holds `lock_spool`."""
        for folder in (self._received, self._results):
            for unfinished in folder.glob(f"*{PARTIAL}"):
                unfinished.unlink(missing_ok=True)

    @property
    def free(self) -> int:
        """Free bytes on the disk of the spool."""
        return shutil.disk_usage(self.folder).free

    def write_partial(self, parts: Iterable[bytes | memoryview]) -> Path:
        """Writes an instance under a temporary name, and waits until it is on disk.

        Raises:
            OSError: the disk is full or cannot be written; nothing is left.
        """
        return _written(self._received, parts)

    def accept(self, partial: Path, key: str) -> None:
        """Gives a file of `write_partial` its final name, and waits until the name is on disk."""
        rename_durably(partial, self.image(key))

    def write_result(self, uid: str, content: bytes) -> None:
        """Writes a result, whole or not at all, and waits until it is on disk.

        Args:
            uid: SOP Instance UID of the result.
            content: its file.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        rename_durably(_written(self._results, [content]), self.result(uid))

    def image(self, key: str) -> Path:
        """Returns the path of an instance's file."""
        return self._received / f"{key}.dcm"

    def result(self, uid: str) -> Path:
        """Returns the path of a result's file."""
        return self._results / f"{key_of(uid)}.dcm"

    def result_files(self) -> list[Path]:
        """Returns the files of all results."""
        return sorted(self._results.glob("*.dcm"))

    def keys(self) -> set[str]:
        """Returns the keys of all instances whose file exists."""
        return {path.stem for path in self._received.glob("*.dcm")}

    def remove(self, key: str, results: Iterable[str]) -> None:
        """Removes an instance and its results.

        Args:
            key: key of the instance.
            results: SOP Instance UIDs of the results.
        """
        for path in (self.image(key), *map(self.result, results)):
            path.unlink(missing_ok=True)


def key_of(instance: str) -> str:
    """Returns the name of an instance in spool, log and status: 32 hexadecimal digits.

    It reveals nothing about the patient, and can be computed from the SOP Instance UID.

    Examples:
        >>> key_of("1.2.840.10008.1.1")[:12]
        '7a96f697a695'
    """
    return hashlib.sha256(instance.encode()).hexdigest()[:32]


def lock_spool(folder: Path) -> BaseFileLock:
    """Keeps other processes from working on a spool; the lock ends with the process.

    Whoever reads or changes files of a spool takes it first.

    Args:
        folder: a spool; made if it does not exist.

    Returns:
        The held lock; `release` it when the work is done. Any thread may do so.

    Raises:
        InUse: another process holds it.
        InvalidSetting: the folder can't be written.
    """
    lock = _lock(folder)
    try:
        folder.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
        # `is_locked` may hold it for a moment, so one attempt would not be enough.
        lock.acquire(timeout=_PATIENCE, poll_interval=0.05)
    except Timeout:
        raise InUse(f"{folder}: another lungscope pacs works on this spool") from None
    except OSError as error:
        raise InvalidSetting(
            f"{folder}: cannot be used as a spool ({error.strerror or error})"
        ) from error
    return lock


def is_locked(folder: Path) -> bool:
    """Returns whether a process works on a spool; no file is made."""
    if not (folder / _LOCK).exists():
        return False
    lock = _lock(folder)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except OSError:  # a spool that this user may only read
        return False
    lock.release()
    return False


def _lock(folder: Path) -> BaseFileLock:
    return FileLock(folder / _LOCK, thread_local=False)


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
