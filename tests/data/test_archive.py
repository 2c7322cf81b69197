import errno
import io
import stat
import struct
import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.data.archive import ArchiveError, Limits, unpack
from lungscope.errors import LungscopeError

UNIX = 3


def member(name, mode=0o644, kind=stat.S_IFREG, method=zipfile.ZIP_DEFLATED):
    info = zipfile.ZipInfo("placeholder")
    info.filename = name  # past ZipInfo's own cleaning
    info.create_system = UNIX
    info.external_attr = (kind | mode) << 16
    info.compress_type = method
    return info


def zipped(*members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members:
            archive.writestr(member(name) if isinstance(name, str) else name, content)
    return buffer.getvalue()


@pytest.fixture
def room(tmp_path):
    """A folder with nothing in it but the archive, so that whatever else appears is seen."""

    class Room:
        archive = tmp_path / "archive.zip"
        target = tmp_path / "images"

        def unpack(self, content, limits=None):
            self.archive.write_bytes(content)
            return unpack(self.archive, self.target, limits or Limits())

        def refuses(self, content, match, limits=None):
            with pytest.raises(ArchiveError, match=match) as refusal:
                self.unpack(content, limits)
            assert "\n" not in str(refusal.value)
            assert str(refusal.value).startswith(str(self.archive))
            assert [path.name for path in tmp_path.iterdir()] == ["archive.zip"]

        def files(self):
            return {
                path.relative_to(self.target).as_posix(): path.read_bytes()
                for path in self.target.rglob("*")
                if path.is_file()
            }

    return Room()


def test_images_and_texts_come_out_as_they_went_in(room):
    members = {"set/Normal/1.png": b"one", "set/Normal/2.JPG": b"two", "set/README.txt": b"read"}

    unpacked = room.unpack(zipped(("set/Normal/", b""), *members.items()))

    assert room.files() == members
    assert (unpacked.files, unpacked.size, unpacked.skipped) == (3, 10, ())


def test_other_kinds_of_file_are_skipped_and_listed(room):
    unpacked = room.unpack(
        zipped(("a/run.exe", b"x"), ("a/1.png", b"y"), ("a/page.html", b"z"), ("a/png", b""))
    )

    assert room.files() == {"a/1.png": b"y"}
    assert unpacked.skipped == ("a/run.exe", "a/page.html", "a/png")


def test_what_macos_adds_is_passed_over_silently(room):
    unpacked = room.unpack(
        zipped(
            ("__MACOSX/set/._1.png", b"fork"),
            ("set/.DS_Store", b"x"),
            ("set/._2.png", b"fork"),
            ("set/1.png", b"image"),
        )
    )

    assert room.files() == {"set/1.png": b"image"}
    assert unpacked.skipped == ()


def test_an_archive_in_the_archive_is_unpacked_and_one_deeper_is_not(room):
    deepest = zipped(("3.png", b"three"))
    inner = zipped(("set/1.png", b"one"), ("more.zip", deepest), ("a.exe", b""))

    unpacked = room.unpack(zipped(("set/Images.ZIP", inner), ("set/2.png", b"two")))

    assert room.files() == {"set/2.png": b"two", "set/Images/set/1.png": b"one"}
    assert unpacked.files == 2
    assert unpacked.skipped == ("set/Images.ZIP/more.zip", "set/Images.ZIP/a.exe")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/1.png", "absolute"),
        ("C:/1.png", "absolute"),
        ("c:1.png", "absolute"),
        ("Normal/1.png:stream.png", "absolute"),
        ("../1.png", "leads out"),
        ("Normal/../../1.png", "leads out"),
        ("__MACOSX/../../1.png", "leads out"),
        ("..", "leads out"),
        ("..\\1.png", "backslash"),
        ("Normal\\1.png", "backslash"),
        ("\\\\host\\share\\1.png", "backslash"),
        ("Normal/1\x00.png", "control"),
        ("Normal/1\n.png", "control"),
        ("Normal/1\x1b[31m.png", "control"),
        ("Normal/gnp.\u202e1.png", "control"),
        ("Normal/NUL.png", "device"),
        ("com1/1.png", "device"),
        ("n" * 237 + ".png", "too long"),
        ("é" * 119 + ".png", "too long"),
        (".", "empty"),
    ],
)
def test_a_name_that_could_do_harm_is_refused_before_anything_is_written(room, name, reason):
    room.refuses(zipped(("Normal/0.png", b"fine"), (name, b"bad")), reason)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO])
def test_links_and_special_files_are_refused(room, kind):
    room.refuses(zipped((member("1.png", kind=kind), b"/etc/passwd")), "link or a special file")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a/1.png", "a/1.png"),
        ("a/1.png", "A/1.PNG"),
        ("a/1.png", "./a//1.png"),
        (unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "é.png")),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_that_are_one_file_somewhere_are_refused(room, first, second):
    room.refuses(zipped((first, b"1"), (second, b"2")), "twice")


def test_a_member_inside_another_file_is_refused(room):
    room.refuses(zipped(("a.png/1.png", b"1"), ("A.png", b"2")), "lies in a file")


def test_an_encrypted_member_is_refused(room):
    content = bytearray(zipped(("1.png", b"secret")))
    content[6] |= 1  # flags in the local header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the table of contents
    room.refuses(bytes(content), "is encrypted")


def test_a_method_other_than_deflate_is_refused(room):
    room.refuses(zipped((member("1.png", method=zipfile.ZIP_LZMA), b"x")), "other than deflate")


def test_modes_in_the_archive_are_ignored(room):
    room.unpack(zipped((member("set/1.png", mode=0o6777), b"x"), ("set/2.png", b"y")))

    one, two = (room.target / "set" / name for name in ("1.png", "2.png"))
    assert one.stat().st_mode == two.stat().st_mode
    assert not one.stat().st_mode & (stat.S_IXUSR | stat.S_ISUID | stat.S_IWOTH)


def test_more_files_than_the_limit_are_refused_skipped_ones_included(room):
    content = zipped(("1.png", b""), ("2.exe", b""), ("3/", b""))
    room.refuses(content, "more than 2 files", Limits(files=2))
    assert room.unpack(content, Limits(files=3)).files == 1


def test_the_file_limit_counts_into_inner_archives(room):
    inner = zipped(("1.png", b""), ("2.png", b""))
    content = zipped(("a.zip", inner), ("b.zip", inner))
    room.refuses(content, "more than", Limits(files=3))
    assert room.unpack(content, Limits(files=4)).files == 4


def test_the_byte_limit_counts_into_inner_archives(room):
    inner = zipped(("1.png", b"x" * 100))
    content = zipped(("a.zip", inner), ("b.zip", inner))
    needed = 2 * len(inner) + 2 * 100
    room.refuses(content, "more than", Limits(size=needed - 1))
    assert room.unpack(content, Limits(size=needed)).size == needed


def test_more_bytes_than_the_limit_are_refused(room):
    content = zipped(("1.png", b"x" * 60), ("2.png", b"y" * 60))
    room.refuses(content, "more than 119 bytes", Limits(size=119))
    assert room.unpack(content, Limits(size=120)).size == 120


def test_a_compression_bomb_is_refused(room):
    room.refuses(zipped(("1.png", bytes(1_000_000))), "unpack to more than", Limits(ratio=100))


def test_a_bomb_in_an_inner_archive_is_refused(room):
    inner = zipped(("1.png", bytes(1_000_000)))
    room.refuses(zipped((member("inner.zip", method=zipfile.ZIP_STORED), inner)), "unpack to more")


def declared(content, name, size):
    """The archive with a lie in its table of contents: the unpacked size of one member."""
    changed = bytearray(content)
    at = changed.index(b"PK\x01\x02")
    while changed[at + 46 : at + 46 + len(name)] != name.encode():
        at = changed.index(b"PK\x01\x02", at + 1)
    struct.pack_into("<I", changed, at + 24, size)
    return bytes(changed)


@pytest.mark.parametrize("lie", [1, 10_000])
def test_a_member_whose_declared_size_is_a_lie_is_refused(room, lie):
    content = declared(zipped(("0.png", b"ok"), ("1.png", bytes(5000))), "1.png", lie)
    room.refuses(content, r"'1\.png' is (damaged|shorter)")


def test_bytes_are_counted_while_writing_whatever_was_declared(room, monkeypatch):
    chunks = iter([b"small", b"more", b""])
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda *_: next(chunks))
    room.refuses(zipped(("1.png", b"small")), "unpacks to more than 8 bytes", Limits(size=8))


def test_a_damaged_member_is_named(room):
    stored = member("Normal/1.png", method=zipfile.ZIP_STORED)
    content = zipped((stored, b"pixels of the image")).replace(b"pixels", b"pixelz", 1)
    room.refuses(content, r"'Normal/1\.png' is damaged")


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04 and no more"])
def test_a_file_that_is_no_zip_is_refused(room, content):
    room.refuses(content, "not a zip archive")


def test_a_zip_cut_short_is_refused(room):
    whole = zipped(("1.png", bytes(range(256))))
    room.refuses(whole[:-30], "not a zip archive")


def test_a_huge_table_of_contents_is_refused_before_it_is_read(room):
    commented = [member(f"{number}.png") for number in range(20)]
    for one in commented:
        one.comment = bytes(60_000)
    room.refuses(zipped(*((one, b"") for one in commented)), "zip archive", Limits(files=100))


def test_an_archive_that_is_missing_is_said_so(tmp_path):
    with pytest.raises(LungscopeError, match=r"gone\.zip: cannot be read: No such file"):
        unpack(tmp_path / "gone.zip", tmp_path / "images")
    assert list(tmp_path.iterdir()) == []


def test_a_target_in_use_is_refused_and_left_alone(room):
    room.target.mkdir()
    (room.target / "mine.txt").write_text("mine")
    with pytest.raises(LungscopeError, match=r"is not empty \(holds mine\.txt\)"):
        room.unpack(zipped(("1.png", b"")))
    assert room.files() == {"mine.txt": b"mine"}


def test_a_target_that_is_a_file_is_refused(room):
    room.target.write_text("mine")
    with pytest.raises(LungscopeError, match="is a file; give a folder"):
        room.unpack(zipped(("1.png", b"")))
    assert room.target.read_text() == "mine"


def test_an_empty_target_and_missing_parents_are_fine(room, tmp_path):
    room.target = tmp_path / "deep" / "images"
    room.unpack(zipped(("1.png", b"x")))
    assert room.files() == {"1.png": b"x"}

    room.target = tmp_path / "empty"
    room.target.mkdir()
    room.unpack(zipped(("1.png", b"x")))
    assert room.files() == {"1.png": b"x"}


def test_a_full_disk_is_one_line_and_leaves_nothing_but_the_archive(room, tmp_path, full_disk):
    with pytest.raises(LungscopeError, match="No space left on device") as refusal:
        room.unpack(zipped(("a/1.png", b"one"), ("a/2.png", b"two")))
    assert "\n" not in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["archive.zip"]


@pytest.fixture
def full_disk(monkeypatch):
    """The second new file that is written finds the disk full."""
    opened = []
    open_path = Path.open

    class Full(io.BytesIO):
        def write(self, *_):
            raise OSError(errno.ENOSPC, "No space left on device")

    def open_or_full(self, mode="r", *args, **keywords):
        if "x" in mode:
            opened.append(self)
            if len(opened) == 2:
                return Full()
        return open_path(self, mode, *args, **keywords)

    monkeypatch.setattr(Path, "open", open_or_full)


pieces = ["a", "b", ".", "/", "..", "\\", ":", "\0", "é", " ", "\u202e", ".png"]
names = st.lists(st.sampled_from(pieces), max_size=6).map("".join)


@settings(max_examples=200, deadline=None)
@given(names=st.lists(names, min_size=1, max_size=3))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_whatever_the_names_nothing_is_written_outside_the_target(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("names", numbered=True)
    archive = folder / "archive.zip"
    archive.write_bytes(zipped(*((name + ".png", b"x") for name in names)))
    try:
        unpack(archive, folder / "images")
    except ArchiveError:
        assert [path.name for path in folder.iterdir()] == ["archive.zip"]
    else:
        assert {path.name for path in folder.iterdir()} == {"archive.zip", "images"}
        written = [path for path in (folder / "images").rglob("*") if path.is_file()]
        assert all(path.suffix == ".png" and path.read_bytes() == b"x" for path in written)


WHOLE = zipped(
    ("a/1.png", bytes(range(100))), ("b.zip", zipped(("2.png", b"two"))), ("c.txt", b"text" * 20)
)


@settings(max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4))
def test_whatever_bytes_change_it_unpacks_or_refuses(tmp_path_factory, changes):
    folder = tmp_path_factory.mktemp("bytes", numbered=True)
    content = bytearray(WHOLE)
    for at, byte in changes:
        content[at] = byte
    (folder / "archive.zip").write_bytes(content)
    try:
        unpack(folder / "archive.zip", folder / "images")
    except ArchiveError:
        assert [path.name for path in folder.iterdir()] == ["archive.zip"]
    else:
        assert {path.name for path in folder.iterdir()} == {"archive.zip", "images"}
