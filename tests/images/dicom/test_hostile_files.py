"""DICOM files that are damaged or mean harm: an image or a refusal, in bounded time and memory."""

import contextlib
import json
import random
import struct
import subprocess
import sys
import time
import tracemalloc
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import dcmread, uid

from dicom_files import (
    LOSSLESS,
    NATIVE,
    RAMP8,
    RAMP12,
    dataset,
    frame_of,
    item,
    jpeg,
    with_frame,
    written,
)
from lungscope.errors import UnreadableImage
from lungscope.images import ANYTHING
from lungscope.images import read as read_file
from lungscope.images.dicom import header

SEQUENCE = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff"  # Referenced Image Sequence, undefined length
ITEM = b"\xfe\xff\0\xe0"
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"

FILES = {
    **{syntax.keyword: written(dataset(RAMP12, 12), syntax) for syntax in (*NATIVE, *LOSSLESS)},
    "JPEGBaseline8Bit": with_frame(dataset(RAMP8), jpeg(RAMP8), uid.JPEGBaseline8Bit),
    "JPEGExtended12Bit": with_frame(
        dataset(RAMP12, 12),
        imagecodecs.jpeg8_encode(RAMP12, 90, bitspersample=12),
        uid.JPEGExtended12Bit,
    ),
    "VOILUT": written(dataset(RAMP12, 12, VOILUTSequence=[item(0, np.arange(4096), 12)])),
    "Window": written(
        dataset(RAMP12, 12, WindowCenter="2000", WindowWidth="900", RescaleSlope="2")
    ),
}


@pytest.fixture
def refusal(tmp_path):
    def of(content):
        path = tmp_path / "image"
        path.write_bytes(content)
        with pytest.raises(UnreadableImage) as caught:
            read_file(path, ANYTHING)
        assert "\n" not in caught.value.reason
        return caught.value.reason

    return of


@pytest.fixture
def peak_of_memory():
    """Bytes that Python had allocated at most since the test began.

    Tracing ends with the test, however it ends: else the next test would see this one's peak.
    """
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def inserted(content, extra):
    """A file with elements before Modality."""
    place = content.index(b"\x08\0\x60\0CS")
    return content[:place] + extra + content[place:]


class TestHeader:
    def test_sequences_nested_ever_deeper(self, refusal):
        nested = (SEQUENCE + ITEM + b"\xff\xff\xff\xff") * 5000
        reason = refusal(inserted(FILES["ExplicitVRLittleEndian"], nested))
        assert reason == "the DICOM file is damaged or cut short"

    def test_a_sequence_of_very_many_empty_items(self, refusal, peak_of_memory):
        flood = SEQUENCE + (ITEM + b"\0\0\0\0") * 500_000 + SEQUENCE_END
        began = time.process_time()
        assert "too many elements" in refusal(inserted(FILES["ExplicitVRLittleEndian"], flood))
        assert time.process_time() - began < 5
        assert peak_of_memory() < 200 * 2**20

    def test_a_lookup_table_sequence_of_very_many_empty_items(self, refusal):
        items = (ITEM + b"\0\0\0\0") * 500_000
        length = struct.pack("<L", len(items))
        flood = b"\x28\0\x10\x30SQ\0\0" + length + items
        content = FILES["ExplicitVRLittleEndian"]
        place = content.index(b"\xe0\x7f\x10\0")
        assert "too many" in refusal(content[:place] + flood + content[place:])

    def test_a_deflated_data_set_that_grows_without_end(self, refusal):
        content = FILES["DeflatedExplicitVRLittleEndian"]
        start = 132 + 12 + struct.unpack_from("<L", content, 140)[0]
        bomb = zlib.compressobj(9, wbits=-15)
        deflated = b"".join(bomb.compress(bytes(2**24)) for _ in range(40)) + bomb.flush()
        assert len(deflated) < 2**20
        began = time.process_time()
        assert "inflates to more than 128 MiB" in refusal(content[:start] + deflated)
        assert time.process_time() - began < 5

    def test_what_deflates_to_just_the_limit_is_read(self, tmp_path, monkeypatch):
        inflated = len(FILES["ExplicitVRLittleEndian"])
        path = tmp_path / "image"
        path.write_bytes(FILES["DeflatedExplicitVRLittleEndian"])
        monkeypatch.setattr(header, "MOST_INFLATED", inflated)
        assert read_file(path).width == RAMP12.shape[1]

    @pytest.mark.parametrize("length", [0xFFFFFFF0, 0x7FFFFFFF, 100])
    def test_a_length_that_lies(self, refusal, length):
        content = bytearray(FILES["ImplicitVRLittleEndian"])
        place = content.index(b"\x28\0\x10\0\x02\0\0\0")  # Rows
        content[place + 4 : place + 8] = struct.pack("<L", length)
        assert refusal(bytes(content))

    @pytest.mark.parametrize("keyword", ["Rows", "BitsStored"])
    def test_a_number_of_too_few_bytes(self, refusal, keyword):
        content = FILES["ExplicitVRLittleEndian"]
        tag = {"Rows": b"\x28\0\x10\0", "BitsStored": b"\x28\0\x01\x01"}[keyword]
        place = content.index(tag + b"US")
        cut = (
            content[: place + 6]
            + b"\x01\0"
            + content[place + 8 : place + 9]
            + content[place + 10 :]
        )
        assert refusal(cut) == f"its {keyword} has 1 bytes, which is no 16-bit number"


class TestPixelData:
    @pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda each: each.keyword)
    def test_a_header_that_claims_much_more_than_there_is(self, refusal, syntax, peak_of_memory):
        frame = frame_of(FILES[syntax.keyword])
        content = with_frame(dataset(RAMP12, 12, Rows=6000, Columns=6000), frame, syntax)
        began = time.process_time()
        assert refusal(content)
        assert time.process_time() - began < 5
        assert peak_of_memory() < 200 * 2**20

    def test_more_pixels_than_any_detector_has(self, refusal):
        content = written(
            dataset(RAMP12, 12, Rows=30_000, Columns=30_000), uid.ExplicitVRLittleEndian
        )
        assert "over the limit of 36 megapixels" in refusal(content)

    def test_very_many_empty_fragments(self, refusal):
        content = FILES["JPEGBaseline8Bit"]
        place = content.rindex(SEQUENCE_END[:4])
        flood = (ITEM + b"\0\0\0\0") * 1_000_000
        assert "more than twice" in refusal(content[:place] + flood + content[place:])

    @pytest.mark.parametrize("segments", [0, 1, 3, 15, 2**32 - 1])
    def test_rle_of_another_number_of_segments(self, refusal, segments):
        frame = struct.pack("<L", segments) + frame_of(FILES["RLELossless"])[4:]
        assert "RLE Lossless data is damaged" in refusal(
            with_frame(dataset(RAMP12, 12), frame, uid.RLELossless)
        )

    @pytest.mark.parametrize("place", [4, 8])
    @pytest.mark.parametrize("offset", [0, 63, 2**32 - 1])
    def test_rle_segments_that_lie_elsewhere(self, refusal, place, offset):
        frame = bytearray(frame_of(FILES["RLELossless"]))
        frame[place : place + 4] = struct.pack("<L", offset)
        assert "its segments overlap, or lie outside of it" in refusal(
            with_frame(dataset(RAMP12, 12), bytes(frame), uid.RLELossless)
        )

    def test_a_stop_by_the_user_is_no_damage(self, tmp_path, monkeypatch):
        def stopped(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(imagecodecs, "packbits_decode", stopped)
        (tmp_path / "image").write_bytes(FILES["RLELossless"])
        with pytest.raises(KeyboardInterrupt):
            read_file(tmp_path / "image")


class TestLosslessJpeg:
    def lossless(self, frame):
        return with_frame(dataset(RAMP12, 12), frame, uid.JPEGLosslessSV1)

    @pytest.fixture
    def frame(self):
        return frame_of(FILES["JPEGLosslessSV1"]).rstrip(b"\0")

    @pytest.mark.parametrize("precision", [0, 1, 17, 255])
    def test_samples_of_a_few_bits_or_too_many(self, refusal, frame, precision):
        place = frame.index(b"\xff\xc3") + 4
        assert refusal(self.lossless(frame[:place] + bytes([precision]) + frame[place + 1 :]))

    def test_a_segment_too_long(self, refusal, frame):
        place = frame.index(b"\xff\xc4") + 2
        spoilt = frame[:place] + b"\xff\xff" + frame[place + 2 :]
        assert "damaged" in refusal(self.lossless(spoilt))

    @pytest.mark.parametrize(
        "extra", [b"\xff\xe0\0\x10JFIF\0\x09\x09\0\0\1\0\1\0\0", b"\xff\xfe\0\4ab"]
    )
    def test_segments_that_no_decoder_needs_are_left_out(self, tmp_path, frame, extra):
        content = self.lossless(frame[:2] + extra + frame[2:])
        (tmp_path / "image").write_bytes(content)
        expected = (RAMP12 / 4095).astype(np.float32)
        np.testing.assert_array_equal(read_file(tmp_path / "image").pixels, expected)


class TestJpeg2000:
    """A few kilobytes of these would make OpenJPEG ask for gigabytes."""

    def spoilt(self, marker, offset, value):
        frame = bytearray(frame_of(FILES["JPEG2000Lossless"]))
        place = frame.index(marker) + offset
        frame[place : place + len(value)] = value
        return with_frame(dataset(RAMP12, 12), bytes(frame), uid.JPEG2000)

    def test_very_many_tiles(self, refusal):
        frame = frame_of(FILES["JPEG2000Lossless"])
        place = frame.index(b"\xff\x51") + 6
        sizes = struct.pack(">8L", 6000, 6000, 0, 0, 59, 60, 0, 0)
        large = frame[:place] + sizes + frame[place + 32 :]
        made = dataset(RAMP12, 12, Rows=6000, Columns=6000)
        assert "more than 10000 tiles" in refusal(with_frame(made, large, uid.JPEG2000))

    def test_tiles_of_no_size(self, refusal):
        content = self.spoilt(b"\xff\x51", 22, bytes(8))
        assert "in its tile size" in refusal(content)

    def test_code_blocks_of_a_few_pixels(self, refusal):
        content = self.spoilt(b"\xff\x52", 10, b"\0\0")
        assert "code-blocks of a few pixels" in refusal(content)

    def with_precincts(self, exponent):
        """A codestream of 6000 x 6000 pixels, in precincts of 2 ** exponent at every level."""
        frame = frame_of(FILES["JPEG2000Lossless"])
        place = frame.index(b"\xff\x51") + 6
        sizes = struct.pack(">8L", 6000, 6000, 0, 0, 6000, 6000, 0, 0)
        frame = frame[:place] + sizes + frame[place + 32 :]
        place = frame.index(b"\xff\x52")
        length, levels = struct.unpack_from(">H", frame, place + 2)[0], frame[place + 9]
        coding = struct.pack(">HB", length + levels + 1, 1) + frame[place + 5 : place + 2 + length]
        precincts = bytes([exponent << 4 | exponent]) * (levels + 1)
        frame = frame[: place + 2] + coding + precincts + frame[place + 2 + length :]
        made = dataset(RAMP12, 12, Rows=6000, Columns=6000)
        return with_frame(made, frame, uid.JPEG2000)

    @pytest.mark.parametrize("exponent", [0, 3, 4])
    def test_precincts_of_a_few_pixels(self, refusal, exponent):
        assert "more than 100000 precincts" in refusal(self.with_precincts(exponent))

    @pytest.mark.parametrize("exponent", [5, 15])
    def test_precincts_in_use_are_the_decoders_business(self, refusal, exponent):
        assert "precincts" not in refusal(self.with_precincts(exponent))

    def test_precincts_that_halve_with_the_resolution_are_read(self, tmp_path):
        buffer = BytesIO()
        samples = np.resize(RAMP8, (300, 260))
        image = Image.fromarray(samples)
        image.save(buffer, "JPEG2000", no_jp2=True, precinct_size=(128, 128), progression="RPCL")
        content = with_frame(dataset(samples), buffer.getvalue(), uid.JPEG2000)
        (tmp_path / "image").write_bytes(content)
        expected = np.float32(samples / 255)
        np.testing.assert_array_equal(read_file(tmp_path / "image").pixels, expected)

    def test_the_same_in_a_tile_part(self, refusal):
        frame = frame_of(FILES["JPEG2000Lossless"])
        coding = bytearray(frame[frame.index(b"\xff\x52") :][:14])
        assert coding[2:4] == b"\0\x0c"
        coding[10:12] = b"\0\0"
        place = frame.index(b"\xff\x93")
        hidden = frame[:place] + bytes(coding) + frame[place:]
        content = with_frame(dataset(RAMP12, 12), hidden, uid.JPEG2000)
        assert "code-blocks of a few pixels" in refusal(content)

    def test_very_many_layers(self, refusal):
        assert "more than 256 layers" in refusal(self.spoilt(b"\xff\x52", 6, b"\xff\xff"))


class TestCutShort:
    @pytest.mark.parametrize("name", FILES)
    def test_a_file_cut_anywhere_is_refused_or_whole(self, tmp_path, name):
        content = FILES[name]
        path = tmp_path / "image"
        path.write_bytes(content)
        whole = read_file(path).pixels
        lengths = {*range(132, len(content), 97), *range(len(content) - 40, len(content))}
        for length in lengths:
            path.write_bytes(content[:length])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    pixels = read_file(path).pixels
                except UnreadableImage:
                    continue
            assert length > len(content) - 9  # the padding, or a delimiter that nothing follows
            np.testing.assert_array_equal(pixels, whole)


@st.composite
def mutated(draw):
    content = bytearray(draw(st.sampled_from(list(FILES.values()))))
    pixels = content.find(b"\xe0\x7f\x10\0")
    near = st.integers(pixels, pixels + 200) | st.integers(132, len(content) - 1)
    for place, value in draw(st.lists(st.tuples(near, st.integers(0, 255)), max_size=6)):
        content[place % len(content)] = value
    at = draw(st.none() | near)
    if at is not None:
        content[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    cut = draw(st.none() | st.integers(0, len(content)))
    return bytes(content[:cut])


class TestHostileBytes:
    @settings(deadline=5000, max_examples=400, suppress_health_check=list(HealthCheck))
    @given(content=mutated() | st.binary(max_size=300), strict=st.booleans())
    def test_any_bytes_give_a_radiograph_or_a_refusal(self, tmp_path, content, strict):
        path = tmp_path / "image"
        path.write_bytes(b"\0" * 128 + b"DICM" + content[132:])
        with warnings.catch_warnings():
            warnings.simplefilter("error" if strict else "ignore")
            try:
                radiograph = read_file(path, ANYTHING)
            except UnreadableImage:
                return
        assert radiograph.pixels.dtype == np.float32
        assert 0 <= radiograph.pixels.min() < radiograph.pixels.max() <= 1

    @settings(deadline=5000, max_examples=150, suppress_health_check=list(HealthCheck))
    @given(
        name=st.sampled_from(list(FILES)),
        claims=st.dictionaries(
            st.sampled_from(("Rows", "Columns", "BitsAllocated", "BitsStored", "SamplesPerPixel")),
            st.sampled_from((0, 1, 2, 3, 8, 12, 16, 63, 64, 255, 600, 6000, 32767, 65535)),
            min_size=1,
        ),
        frames=st.sampled_from(("0", "-1", "1", "2", "2147483647")),
    )
    def test_any_numbers_in_its_header(self, tmp_path, name, claims, frames):
        made = dcmread(BytesIO(FILES[name]))
        made.update({"NumberOfFrames": frames})
        for keyword, value in claims.items():
            made[keyword].value = value
        buffer = BytesIO()
        made.save_as(buffer)
        (tmp_path / "image").write_bytes(buffer.getvalue())
        with contextlib.suppress(UnreadableImage):
            assert read_file(tmp_path / "image", ANYTHING).pixels.size <= 36_000_000

    def test_a_whole_process_over_many_of_them_stays_small(self, tmp_path):
        survive(tmp_path, list(FILES.values()), count=300)

    @pytest.mark.slow
    @pytest.mark.parametrize("name", FILES)
    def test_so_does_one_over_very_many_of_each_syntax(self, tmp_path, name):
        survive(tmp_path, [FILES[name]], count=4000)


def survive(folder, contents, count):
    """Reads mutants in a process of their own: a decoder that crashes takes the process along."""
    if not Path("/proc/self/status").is_file():
        pytest.skip("the peak of memory is read from /proc")
    generator = random.Random(7)  # noqa: S311
    for number in range(count):
        mutant = mutate(generator, bytearray(generator.choice(contents)))
        (folder / str(number)).write_bytes(mutant)
    code = (
        "import json, sys, time, warnings; from pathlib import Path;"
        "from lungscope.errors import UnreadableImage\n"
        "from lungscope.images import ANYTHING, read\n"
        "warnings.simplefilter('ignore'); slowest = 0\n"
        "for path in Path(sys.argv[1]).iterdir():\n"
        "    began = time.process_time()\n"
        "    try: read(path, ANYTHING)\n"
        "    except UnreadableImage: pass\n"
        "    slowest = max(slowest, time.process_time() - began)\n"
        # not getrusage: its maximum is inherited from the process that this one was forked of
        "status = Path('/proc/self/status').read_text()\n"
        "kib = int(status.split('VmHWM:')[1].split()[0])\n"
        "print(json.dumps({'slowest': slowest, 'MiB': kib / 1024}))"
    )
    command = [sys.executable, "-c", code, str(folder)]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-500:]  # negative: the process was killed
    found = json.loads(finished.stdout)
    assert found["slowest"] < 5
    assert found["MiB"] < 1024


def mutate(generator, content):
    """Damages the pixel data in a few places, and keeps the length of a fragment right."""
    start = max(content.find(b"\xe0\x7f\x10\0"), 300)
    for _ in range(generator.choice([1, 1, 2, 4, 8])):
        # Most of a codestream's meaning lies in its first bytes.
        near = start + int(generator.expovariate(1 / 60))
        place = generator.choice([near, generator.randrange(start, len(content))]) % len(content)
        damage = generator.randrange(4)
        if damage == 0:
            content[place] ^= 1 << generator.randrange(8)
        elif damage == 1:
            content[place] = generator.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif damage == 2:
            content[place : place + 2] = generator.choice([b"", b"\0\0", b"\xff\xff", b"\0\0\0"])
        else:
            content[place:place] = content[generator.randrange(start, len(content)) :][:40]
    first = content.find(ITEM, start)
    second = content.find(ITEM, first + 8)
    end = content.rfind(SEQUENCE_END[:4])
    if content[start + 8 : start + 12] == b"\xff\xff\xff\xff" and start < second < end - 8:
        content[second + 4 : second + 8] = struct.pack("<L", end - second - 8)
    return bytes(content)


def test_the_files_of_this_page_are_read(tmp_path):
    for name, content in FILES.items():
        Path(tmp_path / name).write_bytes(content)
        assert read_file(tmp_path / name).format == "DICOM"
