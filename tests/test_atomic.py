import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lungscope.atomic import atomic_file, write_json, write_text
from lungscope.errors import LungscopeError

OLD = "what was there before"


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "metrics.json"
    path.write_text(OLD)
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_block_that_ends_well_replaces_the_file_and_leaves_nothing_else(path):
    with atomic_file(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_text() == OLD
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["metrics.json"]


def test_the_temporary_file_is_empty_hidden_in_the_same_folder_and_of_the_same_suffix(path):
    with atomic_file(path) as temporary:
        assert temporary.read_bytes() == b""
        assert temporary.parent == path.parent
        assert temporary.name.startswith(".")
        assert temporary.suffix == ".json"


def test_folders_are_made_as_needed(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "deep")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "deep"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, LungscopeError])
def test_an_exception_leaves_the_old_file_and_nothing_else(path, error):
    def interrupted():
        with atomic_file(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_text() == OLD
    assert names(path.parent) == ["metrics.json"]


def test_a_full_disk_is_told_in_one_line_and_leaves_the_old_file(path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LungscopeError) as refusal:
        write_text(path, "new")
    assert str(refusal.value) == f"{path}: cannot be written: No space left on device"
    assert path.read_text() == OLD
    assert names(path.parent) == ["metrics.json"]


def test_the_content_is_on_disk_before_the_name_is(path, monkeypatch):
    steps = []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor):
        steps.append(("sync", os.fstat(descriptor).st_size))
        sync(descriptor)

    def renamed(self, target):
        steps.append(("rename", target))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write_text(path, "new")
    assert steps == [("sync", 3), ("rename", path)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_process_that_is_killed_while_writing_leaves_the_old_file_and_one_hidden_one(path):
    program = (
        "import sys, time; from pathlib import Path; from lungscope.atomic import atomic_file\n"
        "with atomic_file(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); print('writing', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_text() == OLD
    left = [name for name in names(path.parent) if name != path.name]
    assert len(left) == 1
    assert left[0].startswith(".")
    write_text(path, "new")
    assert path.read_text() == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_follow_the_umask_even_if_a_library_puts_its_own_file_there(path, umask):
    before = os.umask(umask)
    try:
        with atomic_file(path) as temporary:
            temporary.unlink()
            temporary.write_text("a library's own file")
            temporary.chmod(0o400 if os.geteuid() == 0 else 0o600)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_read_only_folder_is_refused(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    with pytest.raises(
        LungscopeError, match=r"closed/a\.txt: cannot be written: Permission denied"
    ):
        write_text(folder / "a.txt", "new")


def test_a_folder_that_is_closed_to_us_is_refused(tmp_path, monkeypatch):
    def closed(self, *arguments, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "touch", closed)
    with pytest.raises(LungscopeError, match=r"a\.txt: cannot be written: Permission denied"):
        write_text(tmp_path / "a.txt", "new")


def test_a_file_in_place_of_the_folder_is_refused(path):
    with pytest.raises(LungscopeError, match="cannot be written"):
        write_text(path / "inner.txt", "new")


def test_a_folder_in_place_of_the_file_is_refused_and_kept(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(LungscopeError, match="cannot be written"):
        write_text(tmp_path / "taken", "new")
    assert names(tmp_path) == ["taken"]


def test_text_is_utf_8_with_plain_line_ends_on_every_system(tmp_path):
    write_text(tmp_path / "a.txt", "Ö\n≤\n")
    assert (tmp_path / "a.txt").read_bytes() == "Ö\n≤\n".encode()


def test_json_reads_back_and_is_for_people_too(tmp_path):
    value = {"name": "Müller", "numbers": [1, 0.1], "none": None}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "Müller" in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_json_without_a_number_is_refused_and_leaves_the_old_file(path, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"loss": number})
    assert path.read_text() == OLD
    assert names(path.parent) == ["metrics.json"]
