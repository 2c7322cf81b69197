import pytest

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.spool import Spool, key_of, lock_spool


def test_one_process_works_on_a_spool(tmp_path):
    first = lock_spool(tmp_path)
    with pytest.raises(LungscopeError, match="another lungscope pacs"):
        lock_spool(tmp_path)
    first.release()
    lock_spool(tmp_path).release()


def test_the_lock_comes_before_the_spool(tmp_path):
    lock_spool(tmp_path / "a" / "new").release()
    assert (tmp_path / "a" / "new").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(LungscopeError, match="cannot be used as a spool"):
        lock_spool(tmp_path / "file" / "spool")


def test_a_spool_that_is_opened_is_left_as_it_is(tmp_path):
    partial = Spool(tmp_path).write_partial([b"half"])
    again = Spool(tmp_path)
    assert partial.exists()
    again.remove_partials()
    assert not partial.exists()


def test_a_spool_is_its_owner_s_alone(tmp_path):
    Spool(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_spool_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LungscopeError, match="cannot be used as a spool"):
        Spool(tmp_path / "file")


def test_a_key_does_not_hold_the_uid():
    assert key_of("1.2.840.1") != key_of("1.2.840.2")
    assert len(key_of("1.2.840.1")) == 32
    assert "840" not in key_of("1.2.840.1")
