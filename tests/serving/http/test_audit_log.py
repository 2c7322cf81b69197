import errno
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from lungscope.errors import InUse
from lungscope.serving.http import audit_log
from lungscope.serving.http.audit_log import AuditLog, AuditLogUnwritable


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.jsonl"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_record_is_a_line_of_json(path):
    log = AuditLog(path)
    log.record({"predicted": "Normal", "reason": None})
    log.record({"predicted": "zażółć"})
    assert lines(path) == [{"predicted": "Normal", "reason": None}, {"predicted": "zażółć"}]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_only_its_owner_may_read_it(path):
    AuditLog(path, largest=10).record({"a": 1})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_file_that_others_may_read_is_closed_to_them(path):
    path.touch(0o644)
    path.chmod(0o644)
    AuditLog(path).record({"a": 1})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows moves no open file")
class TestMovedAway:
    def test_after_a_file_was_moved_a_new_one_is_begun_with_a_warning(self, path, caplog):
        log = AuditLog(path)
        log.record({"a": 1})
        path.rename(path.with_name("moved"))
        log.record({"a": 2})
        assert lines(path) == [{"a": 2}]
        assert lines(path.with_name("moved")) == [{"a": 1}]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "audit.jsonl: was moved or removed; a new one is begun" in caplog.text

    def test_what_another_program_made_in_its_place_is_written_and_closed_to_others(self, path):
        log = AuditLog(path)
        path.rename(path.with_name("moved"))
        path.touch(0o644)  # as logrotate does
        log.record({"a": 2})
        assert lines(path) == [{"a": 2}]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_after_a_file_was_removed_a_new_one_is_begun(self, path):
        log = AuditLog(path)
        path.unlink()
        log.check()
        assert path.is_file()
        log.record({"a": 2})
        assert lines(path) == [{"a": 2}]

    def test_after_its_folder_was_removed_nothing_is_recorded_and_it_says_so(self, tmp_path):
        folder = tmp_path / "logs"
        folder.mkdir()
        log = AuditLog(folder / "audit.jsonl")
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()
        with pytest.raises(AuditLogUnwritable):
            log.check()
        with pytest.raises(AuditLogUnwritable):
            log.record({"a": 1})

    def test_asked_to_reopen_it_does_so_without_a_warning(self, path, caplog):
        log = AuditLog(path)
        path.rename(path.with_name("moved"))
        log.reopen()
        log.record({"a": 2})
        assert lines(path) == [{"a": 2}]
        assert not caplog.text


def test_a_second_process_is_refused_until_the_first_has_closed_it(path):
    first = AuditLog(path)
    with pytest.raises(InUse, match="another process writes this audit log"):
        AuditLog(path)
    first.close()
    AuditLog(path).close()


def test_all_full_files_are_kept_unless_a_number_is_given(path):
    log = AuditLog(path, largest=20)
    for number in range(15):
        log.record({"number": number})
    found = [lines(path.with_name(f"audit.jsonl.{n}")) for n in range(14, 0, -1)]
    assert [each[0]["number"] for each in found] == list(range(14))


def test_without_a_largest_size_there_is_one_file(path):
    log = AuditLog(path, largest=None)
    for number in range(15):
        log.record({"number": number})
    assert len(lines(path)) == 15


def test_it_is_told_that_a_file_is_removed(path, caplog):
    log = AuditLog(path, largest=20, kept=1)
    for number in range(3):
        log.record({"number": number})
    assert "the oldest full file is removed" in caplog.text


def test_it_is_added_to_and_never_begun_anew(path):
    AuditLog(path).record({"a": 1})
    AuditLog(path).record({"a": 2})
    assert lines(path) == [{"a": 1}, {"a": 2}]


def test_full_files_are_kept_up_to_a_number_and_older_ones_removed(path):
    log = AuditLog(path, largest=20, kept=2)
    for number in range(8):
        log.record({"number": number})  # 14 bytes: one a file
    assert lines(path) == [{"number": 7}]
    assert lines(path.with_name("audit.jsonl.1")) == [{"number": 6}]
    assert lines(path.with_name("audit.jsonl.2")) == [{"number": 5}]
    assert {each.name for each in path.parent.iterdir()} == {
        *("audit.jsonl", "audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.lock")
    }


def test_lines_of_several_threads_are_whole_and_none_is_lost_in_a_rotation(path):
    log = AuditLog(path, largest=2000, kept=50)

    def write(thread):
        for number in range(100):
            log.record({"thread": thread, "number": number, "padding": "x" * 40})

    threads = [threading.Thread(target=write, args=(each,)) for each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [
        (line["thread"], line["number"])
        for file in path.parent.glob("audit.jsonl*")
        for line in lines(file)
    ]
    assert sorted(found) == [(thread, number) for thread in range(8) for number in range(100)]


def test_a_folder_that_is_not_there_is_refused_at_once(tmp_path):
    with pytest.raises(AuditLogUnwritable, match="No such file or directory"):
        AuditLog(tmp_path / "nowhere" / "audit.jsonl")


def test_a_read_only_disk_is_refused_at_once(path, monkeypatch):
    def read_only(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(audit_log.os, "open", read_only)
    with pytest.raises(AuditLogUnwritable, match="Read-only file system"):
        AuditLog(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_an_error():
    log = AuditLog(Path("/dev/full"))
    with pytest.raises(AuditLogUnwritable, match="No space left on device"):
        log.record({"a": 1})
    assert log.failed


def test_of_a_line_that_did_not_fit_nothing_is_left_and_the_log_goes_on(path, monkeypatch):
    log = AuditLog(path)
    log.record({"a": 1})
    write = os.write
    room = 4

    def nearly_full(file, content):
        nonlocal room
        if room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        length = min(room, len(content))
        room -= length
        return write(file, content[:length])

    monkeypatch.setattr(audit_log.os, "write", nearly_full)
    with pytest.raises(AuditLogUnwritable):
        log.record({"b": 2})
    assert lines(path) == [{"a": 1}]
    room = 1000
    log.record({"c": 3})
    assert lines(path) == [{"a": 1}, {"c": 3}]
    assert not log.failed


def test_a_failed_rotation_is_an_error_and_the_next_record_written(path, monkeypatch):
    log = AuditLog(path, largest=20)
    log.record({"number": 1})
    with monkeypatch.context() as patched:

        def denied(*_):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))

        patched.setattr(Path, "replace", denied)
        with pytest.raises(AuditLogUnwritable, match="Permission denied"):
            log.record({"number": 2})
    log.record({"number": 3})
    assert lines(path) == [{"number": 3}]
    assert lines(path.with_name("audit.jsonl.1")) == [{"number": 1}]
