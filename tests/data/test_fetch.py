from types import MappingProxyType

import pytest
from unreliable import (
    ARCHIVE,
    IMAGES,
    fill_the_disk,
    serving,
    status,
    whole,
    zipped,
)

from lungscope.data import download
from lungscope.data import fetch as module
from lungscope.data.archive import ArchiveError
from lungscope.data.fetch import PAPER_SET, Fetched, Record, fetch_dataset, unpack_record
from lungscope.errors import LungscopeError

COUNTS = {"Lung_Opacity": 1, "Normal": 2, "Viral Pneumonia": 1}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "_FIRST_PAUSE", 0.001)
    with serving() as server:
        yield server


@pytest.fixture
def get(server, tmp_path):
    """Fetches into an empty folder from a server that follows the script."""

    def get(*script, attempts=3, **keywords):
        server.script = script
        server.asked.clear()
        record = Record("set", server.url, MappingProxyType(COUNTS), "10.1/x", "any")
        return fetch_dataset(tmp_path / "images", record, attempts=attempts, timeout=5, **keywords)

    return get


@pytest.fixture
def fails(get, server, tmp_path):
    """Expects one line of refusal, and that nothing is left."""

    def fails(match, *script, **keywords):
        with pytest.raises(LungscopeError, match=match) as refusal:
            get(*script, **keywords)
        assert "\n" not in str(refusal.value)
        assert str(refusal.value).startswith(server.url)
        assert not list(tmp_path.iterdir())

    return fails


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def assert_in_place(tmp_path):
    assert files(tmp_path / "images") == IMAGES
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_the_paper_set_is_the_paper_s():
    assert sum(PAPER_SET.counts.values()) == 3475
    assert PAPER_SET.url.startswith("https://data.mendeley.com/")
    with pytest.raises(TypeError):
        PAPER_SET.counts["Normal"] = 0


def test_the_images_are_in_place_and_nothing_else(get, tmp_path):
    fetched = get(whole())

    assert fetched == Fetched(tmp_path / "images", COUNTS, COUNTS, ())
    assert fetched.complete
    assert_in_place(tmp_path)


def test_a_difference_from_the_record_is_told_and_no_error(get):
    members = {
        "set/NORMAL/1.jpg": b"1",
        "set/normal/masks/1.jpg": b"1",
        "set/Lung Opacity/a/1.jpg": b"1",
        "set/Lung Opacity/a/2.jpg": b"1",
        "set/COVID/1.jpg": b"1",
        "set/tool.exe": b"1",
    }
    fetched = get(whole(zipped(members)))

    assert fetched.counts == {
        "Lung_Opacity": 2,
        "Normal": 1,
        "Viral Pneumonia": 0,
        "set/COVID": 1,
    }
    assert fetched.expected == COUNTS
    assert fetched.skipped == ("set/tool.exe",)
    assert not fetched.complete


def test_a_finished_download_is_not_asked_for_again(get, server, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "unpack_record", killed)
        with pytest.raises(KeyboardInterrupt):
            get(whole())

    get(status(404))
    assert server.asked == []
    assert_in_place(tmp_path)


def test_a_mirror_is_asked_in_place_of_the_record_s_server(server, tmp_path):
    server.script = [whole()]
    record = Record("set", "https://example.invalid/zip", COUNTS, "10.1/x", "any")
    fetch_dataset(tmp_path / "images", record, url=server.url)

    assert len(server.asked) == 1
    assert_in_place(tmp_path)


def test_progress_ends_at_the_size_of_the_archive(get):
    seen = []
    get(whole(), on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(ARCHIVE), len(ARCHIVE))


def test_an_address_that_is_not_https_is_refused_before_anything_else(tmp_path):
    record = Record("set", "http://example.com/a.zip", COUNTS, "10.1/x", "any")
    with pytest.raises(LungscopeError, match="only https"):
        fetch_dataset(tmp_path / "images", record)
    assert list(tmp_path.iterdir()) == []


def test_a_hostile_archive_is_refused_and_removed(get, fails, tmp_path):
    hostile = zipped({"Normal/1.jpg": b"1", "../../1.jpg": b"2"})
    fails("leads out of the folder; the download was removed", whole(hostile))


def test_a_damaged_archive_is_removed_and_read_anew_the_next_time(get, fails, tmp_path):
    at = ARCHIVE.index(IMAGES["Lung X-Ray Image/Normal/1.jpg"])
    damaged = ARCHIVE[:at] + bytes([ARCHIVE[at] ^ 1]) + ARCHIVE[at + 1 :]
    with pytest.raises(ArchiveError, match=r"Normal/1\.jpg' is damaged"):
        get(whole(damaged))

    get(whole())
    assert_in_place(tmp_path)


def test_a_disk_that_fills_while_unpacking_keeps_the_download(get, server, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        fill_the_disk(patch, "x")
        with pytest.raises(LungscopeError, match="No space left on device") as refusal:
            get(whole())
    assert "\n" not in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["images.partial-download"]

    get(status(404))
    assert_in_place(tmp_path)


def test_a_target_in_use_is_refused_before_the_network_is_touched(get, server, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mine.txt").write_text("mine")
    with pytest.raises(LungscopeError, match=r"is not empty \(holds mine\.txt\)"):
        get(whole())
    assert server.asked == []
    assert files(tmp_path) == {"images/mine.txt": b"mine"}


def test_an_archive_from_a_browser_gives_the_same_images_and_stays(tmp_path):
    path = tmp_path / "Downloads" / "9d55cttn5h-1.zip"
    path.parent.mkdir()
    path.write_bytes(ARCHIVE)

    fetched = unpack_record(path, tmp_path / "images")

    assert files(fetched.folder) == IMAGES
    assert fetched.counts == COUNTS
    assert fetched.expected == PAPER_SET.counts
    assert path.read_bytes() == ARCHIVE


def test_a_set_zipped_once_more_by_the_repository_is_found(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"Lung X-Ray Image.zip": ARCHIVE}))
    assert unpack_record(path, tmp_path / "images").counts == COUNTS
