import errno
import hashlib
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from lungscope.data import cache as module
from lungscope.data.cache import (
    DIGEST,
    PIXELS,
    PixelStatistics,
    compute_pixel_statistics,
    default_cache_folder,
    open_cache,
)
from lungscope.data.split import SplitEntry
from lungscope.errors import LungscopeError, UnreadableImage
from lungscope.images import read, to_square

SIZE = 32
COUNT = 5


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Five radiographs of noise: other shapes, depths and formats."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(COUNT - 1):
        pixels = rng.integers(0, 256, (64 + 7 * number, 90), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.{'jpg' if number % 2 else 'png'}")
    deep = rng.integers(0, 65536, (70, 64), dtype=np.uint16)
    Image.fromarray(deep).save(root / "deep.png")
    return root


@pytest.fixture(scope="module")
def entries(root):
    return tuple(
        SplitEntry(path.name, 0, hashlib.sha256(path.read_bytes()).hexdigest(), "g", "train")
        for path in sorted(root.iterdir())
    )


@pytest.fixture
def without_decoding(monkeypatch):
    def refuse(path):
        raise AssertionError(f"{path} was decoded again")

    return lambda: monkeypatch.setattr(module, "read", refuse)


def folders(place):
    return sorted(path.name for path in place.iterdir() if path.is_dir())


PRELUDE = """
import sys
from pathlib import Path
from lungscope.data import cache
from lungscope.data.split import SplitEntry, sha256_of
root, place = Path(sys.argv[1]), Path(sys.argv[2])
entries = [SplitEntry(p.name, 0, sha256_of(p), "g", "train") for p in sorted(root.iterdir())]
"""


def command(program, *arguments):
    return [sys.executable, "-c", PRELUDE + textwrap.dedent(program), *map(str, arguments)]


def started(program, *arguments):
    pipe = subprocess.PIPE
    return subprocess.Popen(command(program, *arguments), stdout=pipe, stderr=pipe, text=True)


# What is in it


def test_every_row_is_exactly_what_reading_the_file_gives(root, entries, tmp_path):
    cache = open_cache(root, entries, SIZE, tmp_path)
    assert cache.pixels.shape == (COUNT, SIZE, SIZE)
    assert cache.pixels.dtype == np.uint8
    for entry, row in zip(entries, cache.rows(entries), strict=True):
        expected = to_square(read(root / entry.file), SIZE)
        np.testing.assert_array_equal(cache.pixels[row], expected)


def test_the_decoding_of_one_image_can_be_sent_to_a_worker_process(root, entries):
    work = pickle.loads(pickle.dumps(partial(module._square, size=SIZE)))  # noqa: S301
    expected = to_square(read(root / entries[0].file), SIZE)
    np.testing.assert_array_equal(work(root / entries[0].file), expected)


def test_rows_can_be_asked_for_in_any_order_and_twice(root, entries, tmp_path):
    cache = open_cache(root, entries, SIZE, tmp_path)
    asked = [entries[3], entries[0], entries[3]]
    assert cache.rows(asked).tolist() == [cache.row[entry.sha256] for entry in asked]
    assert cache.rows([]).tolist() == []


def test_the_pixels_are_a_map_of_the_file_and_read_only(root, entries, tmp_path):
    cache = open_cache(root, entries, SIZE, tmp_path)
    assert isinstance(cache.pixels, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        cache.pixels[0, 0, 0] = 1
    assert cache.folder == tmp_path / folders(tmp_path)[0]


def test_two_files_of_equal_bytes_have_one_row(root, entries, tmp_path):
    twin = SplitEntry("twin.png", 0, entries[0].sha256, "g", "train")
    shutil.copytree(root, tmp_path / "images")
    shutil.copy(root / entries[0].file, tmp_path / "images" / "twin.png")
    cache = open_cache(tmp_path / "images", (*entries, twin), SIZE, tmp_path / "cache")
    assert len(cache.pixels) == COUNT
    assert cache.rows([twin]) == cache.rows([entries[0]])


# When it is built


def test_the_second_opening_decodes_nothing_and_tells_no_progress(
    root, entries, tmp_path, without_decoding
):
    told = []
    report = lambda done, total: told.append((done, total))  # noqa: E731
    first = open_cache(root, entries, SIZE, tmp_path, on_progress=report)
    assert told == [(n + 1, COUNT) for n in range(COUNT)]
    without_decoding()
    second = open_cache(root, entries[::-1], SIZE, tmp_path, on_progress=report)
    assert len(told) == COUNT
    np.testing.assert_array_equal(second.pixels, first.pixels)
    assert second.row == first.row


def test_renamed_files_and_other_subsets_need_no_new_cache(
    root, entries, tmp_path, without_decoding
):
    open_cache(root, entries, SIZE, tmp_path)
    without_decoding()
    moved = [SplitEntry(f"moved/{e.file}", 1, e.sha256, "other", "test") for e in entries]
    open_cache(root / "elsewhere", moved, SIZE, tmp_path)


@pytest.mark.parametrize("other", ["size", "images", "content", "preprocessing", "version"])
def test_what_changes_the_pixels_makes_another_cache(root, entries, tmp_path, monkeypatch, other):
    open_cache(root, entries, SIZE, tmp_path)
    size = SIZE + 1 if other == "size" else SIZE
    if other == "images":
        entries = entries[:-1]
    if other == "content":
        entries = (SplitEntry(entries[0].file, 0, "0" * 64, "g", "train"), *entries[1:])
    if other == "preprocessing":
        monkeypatch.setattr(module, "RESIZING", "another way")
    if other == "version":
        monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    open_cache(root, entries, size, tmp_path)
    assert len(folders(tmp_path)) == 2


def test_the_default_folder_is_the_user_s_own(root, entries, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "default_cache_folder", lambda: tmp_path / "own")
    assert open_cache(root, entries, SIZE).folder.parent == tmp_path / "own"
    assert default_cache_folder().parts[-2:] == ("lungscope", "pixels")


def test_opening_a_cache_of_twenty_thousand_images_costs_little(tmp_path, monkeypatch):
    digests = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(20_000)]
    entries = [SplitEntry(f"{n}.png", 0, d, "g", "train") for n, d in enumerate(digests)]
    place = tmp_path / module._key(sorted(digests), 1)
    place.mkdir()
    np.save(place / PIXELS, np.zeros((20_000, 1, 1), np.uint8))
    (place / DIGEST).write_text(hashlib.sha256((place / PIXELS).read_bytes()).hexdigest())

    before = time.process_time()
    for digest in digests:
        hashlib.sha256(digest.encode()).hexdigest()
    hashing = time.process_time() - before
    before = time.process_time()
    cache = open_cache(tmp_path, entries, 1, tmp_path)
    rows = cache.rows(entries)
    opening = time.process_time() - before
    assert sorted(rows.tolist()) == list(range(20_000))
    assert opening < 20 * hashing + 0.05


# When something goes wrong


def test_an_unreadable_image_is_named_and_nothing_is_left(root, entries, tmp_path):
    shutil.copytree(root, tmp_path / "images")
    (tmp_path / "images" / entries[2].file).write_bytes(b"damaged")
    with pytest.raises(UnreadableImage) as refusal:
        open_cache(tmp_path / "images", entries, SIZE, tmp_path / "cache")
    assert refusal.value.path == tmp_path / "images" / entries[2].file
    assert folders(tmp_path / "cache") == []


def test_an_interrupt_leaves_nothing_that_could_be_taken_for_a_cache(root, entries, tmp_path):
    def interrupt(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_cache(root, entries, SIZE, tmp_path, on_progress=interrupt)
    assert folders(tmp_path) == []
    assert len(open_cache(root, entries, SIZE, tmp_path).pixels) == COUNT


@pytest.mark.parametrize(
    "damage", ["cut", "empty", "removed", "other shape", "no array", "objects", "one bit"]
)
def test_a_cache_that_is_not_whole_is_built_anew(root, entries, tmp_path, damage):
    built = open_cache(root, entries, SIZE, tmp_path)
    whole = np.array(built.pixels)
    path = built.folder / PIXELS
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "other shape":
        np.save(path, whole[:-1])
    elif damage == "no array":
        path.write_bytes(b"\0" * len(content))
    elif damage == "one bit":
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif damage == "objects":
        np.save(path, np.array([{}]), allow_pickle=True)
    again = open_cache(root, entries, SIZE, tmp_path)
    np.testing.assert_array_equal(again.pixels, whole)
    assert len(folders(tmp_path)) == 1


def test_a_failed_write_is_told_in_one_line_and_leaves_nothing(
    root, entries, tmp_path, monkeypatch
):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        LungscopeError, match=r"cannot be written \(No space left.*another cache folder"
    ):
        open_cache(root, entries, SIZE, tmp_path)
    assert folders(tmp_path) == []


def test_a_file_in_place_of_the_folder_is_refused(root, entries, tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(LungscopeError, match="taken: the image cache cannot be written"):
        open_cache(root, entries, SIZE, tmp_path / "taken")


def can_make_a_small_disk():
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "mount",
        "-t",
        "tmpfs",
        "x",
        "/mnt",
    ]
    try:
        return subprocess.run(command, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@pytest.mark.process
def test_a_disk_that_is_really_full_is_refused_and_kills_nobody(root, tmp_path):
    # Through a memory map it would: a page without a place on disk is answered by SIGBUS.
    if not can_make_a_small_disk():
        pytest.skip("no private file system can be mounted here (needs Linux user namespaces)")
    program = """
        from lungscope.errors import LungscopeError
        try:
            cache.open_cache(root, entries, 1024, place)
        except LungscopeError as error:
            print(error, [p.name for p in place.iterdir() if p.is_dir()])
    """
    (tmp_path / "disk").mkdir()
    mount = 'mount -t tmpfs -o size=2m small "$1" && shift && exec "$@"'
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    disk = tmp_path / "disk"
    inside = [*unshare, str(disk), *command(program, root, disk)]
    done = subprocess.run(inside, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "No space left on device" in done.stdout
    assert done.stdout.endswith("[]\n")


# More than one process


@pytest.mark.process
def test_of_two_processes_at_once_one_builds_and_both_agree(root, tmp_path):
    program = """
        import hashlib, time
        decoded = []
        def slowly(path):
            decoded.append(path); time.sleep(0.2); return real(path)
        real, cache.read = cache.read, slowly
        Path(sys.argv[3]).touch()
        while not Path(sys.argv[4]).exists():
            time.sleep(0.01)
        opened = cache.open_cache(root, entries, 32, place)
        print(len(decoded), hashlib.sha256(opened.pixels.tobytes()).hexdigest())
    """
    ready = [tmp_path / "ready-0", tmp_path / "ready-1"]
    place = tmp_path / "cache"
    builders = [started(program, root, place, ready[n], ready[1 - n]) for n in range(2)]
    answers = [process.communicate(timeout=120) for process in builders]
    assert all(process.returncode == 0 for process in builders), answers
    counts, digests = zip(*(answer.split() for answer, _ in answers), strict=True)
    assert sorted(map(int, counts)) == [0, COUNT]
    assert len(set(digests)) == 1
    assert len(folders(place)) == 1


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_builder_that_is_killed_leaves_no_cache_and_the_next_one_builds_it(
    root, entries, tmp_path
):
    program = """
        import time
        def stop(done, total):
            if done == 3:
                print("half way", flush=True); time.sleep(60)
        cache.open_cache(root, entries, 32, place, on_progress=stop)
    """
    with started(program, root, tmp_path) as process:
        assert process.stdout.readline() == "half way\n"
        process.send_signal(signal.SIGKILL)
    left = folders(tmp_path)
    assert [Path(name).suffix for name in left] == [".partial"]
    cache = open_cache(root, entries, SIZE, tmp_path)
    np.testing.assert_array_equal(
        cache.pixels[cache.rows(entries[:1])[0]], to_square(read(root / entries[0].file), SIZE)
    )
    assert folders(tmp_path) == [Path(left[0]).stem]


IMAGES = st.lists(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12)), min_size=1)


@settings(deadline=None, max_examples=60)
@given(IMAGES)
def test_they_are_numpy_s_over_all_pixels_of_all_images(images):
    pixels = np.concatenate([image.ravel() for image in images]) / 255
    found = compute_pixel_statistics(images)
    np.testing.assert_allclose(found.mean, pixels.mean(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.std, pixels.std(), rtol=0, atol=1e-12)


def test_large_images_weigh_by_their_pixels_and_not_by_their_number():
    found = compute_pixel_statistics([np.zeros((1, 1), np.uint8), np.full((3, 1), 255, np.uint8)])
    assert found == PixelStatistics(mean=0.75, std=pytest.approx(np.sqrt(0.75 * 0.25)))


def test_images_are_asked_for_once_and_one_at_a_time():
    alive = []

    def images():
        for level in (0, 255):
            alive.append(level)
            yield np.full((4, 4), level, np.uint8)

    assert compute_pixel_statistics(images()) == PixelStatistics(0.5, 0.5)
    assert alive == [0, 255]


def test_only_the_given_rows_of_a_memory_map_count(tmp_path):
    pixels = np.lib.format.open_memmap(tmp_path / "p.npy", "w+", np.uint8, (4, 8, 8))
    pixels[:] = np.array([10, 20, 200, 250], np.uint8)[:, None, None]
    found = compute_pixel_statistics(pixels[row] for row in (0, 1))
    assert found.mean == pytest.approx(15 / 255)
    assert found.std == pytest.approx(5 / 255)


def test_many_pixels_lose_no_precision():
    image = np.repeat(np.array([[0], [1]], np.uint8), 2_000_000, axis=1)
    found = compute_pixel_statistics([image] * 5)
    assert found.mean == pytest.approx(0.5 / 255, abs=1e-16)
    assert found.std == pytest.approx(0.5 / 255, abs=1e-16)


def test_an_image_that_is_not_of_bytes_is_refused():
    with pytest.raises(TypeError):
        compute_pixel_statistics([np.ones((2, 2), np.float32)])
