import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lungscope.atomic import (
    atomic_file,
    atomic_folder,
    new_folder,
    refuse_occupied,
    write_json,
    write_text,
)
from lungscope.errors import InvalidSetting, LungscopeError

OLD = "what was there before"
OWN = {"metrics.json", "figures"}


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


def test_the_content_is_on_disk_before_the_name_and_then_the_name(path, monkeypatch):
    steps = []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor):
        found = os.fstat(descriptor)
        what = "folder" if stat.S_ISDIR(found.st_mode) else found.st_size
        steps.append(("sync", what))
        sync(descriptor)

    def renamed(self, target):
        steps.append(("rename", target))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write_text(path, "new")
    assert steps == [("sync", 3), ("rename", path), ("sync", "folder")]


def test_a_file_system_that_cannot_sync_folders_is_no_obstacle(path, monkeypatch):
    sync = os.fsync

    def synced(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    write_text(path, "new")
    assert path.read_text() == "new"


@pytest.mark.process
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


def test_a_folder_that_is_absent_or_empty_is_taken(tmp_path):
    refuse_occupied(tmp_path / "new", OWN, "an evaluation", force=False)
    refuse_occupied(tmp_path, OWN, "an evaluation", force=False)


def test_results_are_replaced_only_when_told_to(tmp_path):
    (tmp_path / "metrics.json").touch()
    with pytest.raises(LungscopeError, match="holds an evaluation; replace it with force=True"):
        refuse_occupied(tmp_path, OWN, "an evaluation", force=False)
    refuse_occupied(tmp_path, OWN, "an evaluation", force=True)


@pytest.mark.parametrize("force", [False, True])
def test_anything_else_is_never_replaced(tmp_path, force):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(LungscopeError, match=r"thesis\.txt, which is no part of an audit"):
        refuse_occupied(tmp_path, OWN, "an audit", force=force)
    with pytest.raises(LungscopeError, match="is a file"):
        refuse_occupied(tmp_path / "thesis.txt", OWN, "an audit", force=force)


def test_a_folder_takes_the_place_of_the_old_one_whole(tmp_path):
    folder = tmp_path / "deep" / "results"
    for content in ("one", "two"):
        with atomic_folder(folder) as new:
            (new / f"{content}.txt").write_text(content)
        assert [path.name for path in folder.iterdir()] == [f"{content}.txt"]
    assert [path.name for path in folder.parent.iterdir()] == ["results"]


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path):
    folder = tmp_path / "results"
    with atomic_folder(folder) as new:
        (new / "kept.txt").write_text("kept")
    with pytest.raises(ZeroDivisionError), atomic_folder(folder) as new:
        (new / "other.txt").write_bytes(b"x" * (1 // 0))
    assert [path.name for path in folder.iterdir()] == ["kept.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_what_the_disk_refuses_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(LungscopeError, match="cannot be written"),
        atomic_folder(tmp_path / "file" / "results"),
    ):
        pass


def test_a_folder_is_on_disk_with_all_its_files_before_it_takes_the_place(tmp_path, monkeypatch):
    steps = []
    sync, rename = os.fsync, Path.rename

    def synced(descriptor):
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def renamed(self, target):
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    with atomic_folder(tmp_path / "results") as new:
        (new / "figures").mkdir()
        (new / "metrics.json").write_text("{}")
    assert sorted(steps[:3]) == ["file", "folder", "folder"]
    assert steps[3:] == ["rename", "folder"]


def test_a_new_folder_that_cannot_take_the_place_leaves_the_old_one(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    with atomic_folder(folder) as new:
        (new / "kept.txt").write_text("kept")
    rename = Path.rename

    def renamed(self, target):
        if self.name == "new":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", renamed)
    with pytest.raises(LungscopeError, match="cannot be written"), atomic_folder(folder) as new:
        (new / "other.txt").write_text("other")
    monkeypatch.undo()
    assert [path.name for path in folder.iterdir()] == ["kept.txt"]
    assert names(tmp_path) == ["results"]


def test_a_new_folder_never_replaces_what_came_meanwhile(tmp_path):
    target = tmp_path / "set"

    def fill():
        with new_folder(target, "a set") as new:
            (new / "1.png").touch()
            target.mkdir()
            (target / "mine.txt").write_text("mine")

    with pytest.raises(InvalidSetting, match=r"holds mine\.txt"):
        fill()
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert [path.name for path in target.iterdir()] == ["mine.txt"]
