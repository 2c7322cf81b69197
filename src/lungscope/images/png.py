"""The chunks of a PNG that its image needs (PNG specification, third edition, section 4).

Texts and colour profiles are none of them. Pillow refuses a file over one of these that inflates to
more than 1 MiB or is damaged, though no pixel depends on it.
"""

import struct

from lungscope.images.undecodable import Undecodable

MOST_CHUNKS = 100_000
"""Chunks of a file; an image of 36 megapixels has 9,000 of the usual 8 KiB."""

_SIGNATURE = 8  # bytes
_AROUND = 12  # bytes of a chunk beside its data: length, name and checksum
_MOST_METADATA = 2**20
_ORIENTED = b"XML:com.adobe.xmp\0\0"  # an iTXt chunk that is not compressed may say which way is up
_NEEDED = {b"tRNS", b"acTL", b"fcTL", b"fdAT"}


def needed_chunks(content: bytes) -> bytes:
    """A PNG without the chunks that its image does not need.

    Args:
        content: the whole file, with a PNG's signature.

    Returns:
        `content` itself where it has no others.

    Raises:
        Undecodable: more than `MOST_CHUNKS`, or a header that is not the first chunk or not alone.
    """
    view = memoryview(content)
    parts = [view[:_SIGNATURE]]
    place, since, count = _SIGNATURE, _SIGNATURE, 0
    while place + _AROUND <= len(content):
        length, name = struct.unpack_from(">L4s", content, place)
        end = place + _AROUND + length
        count += 1
        if count > MOST_CHUNKS:
            raise Undecodable(f"it holds more than {MOST_CHUNKS} chunks, which no image needs")
        if (name == b"IHDR") != (
            count == 1
        ):  # Pillow goes by the last header, `raster` by the first
            raise Undecodable("the PNG data is damaged (it must begin with its one header)")
        if end > len(content) or not name.isalpha():  # damaged: Pillow says how
            break
        if not _is_needed(name, view[place + 8 : end - 4]):
            parts.append(view[since:place])
            since = end
        place = end
        if name == b"IEND":
            break
    if len(parts) == 1:
        return content
    return b"".join((*parts, view[since:]))


def _is_needed(name: bytes, data: memoryview) -> bool:
    if name[:1].isupper() or name in _NEEDED:  # a capital says that no decoder may skip it
        return True
    if len(data) > _MOST_METADATA:
        return False
    return name == b"eXIf" or (name == b"iTXt" and data[: len(_ORIENTED)] == _ORIENTED)
