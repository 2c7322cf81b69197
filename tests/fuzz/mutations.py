"""Mutations: of any bytes, of files made of parts with lengths, of JSON, and of text."""

import json
import re
import struct

from damaged_files import VALUES, leaves, replaced
from fuzz.pictures import with_checksums

_NUMBERS = (0, 1, 2, 3, 7, 8, 63, 64, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000)
_NUMBERS += (0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_WORDS = (
    *("", "0", "-1", "1e999", "nan", "inf", "9" * 5000, "null", "true", "'", '"', ",", ";", "\t"),
    *("\n", "\r", "\0", "\x1b[2J", "\u2028", "\ufeff", "\ud800", "é", "..", "/", "\\", "a" * 300),
    *("=1+1", "{", "[", "}", "]", ":", "- ", "&a", "*a", "<<: *a", "!!python/name:os.system"),
    *("? ", "|", ">", "%YAML 9.9\n", "---\n", "...\n", "!!binary x", "!!timestamp x", "0x", "0o9"),
    *("2001-99-99", "1:99:99", "C:\\x", "con", "$HOME", "~"),
)
_TOKEN = re.compile(r"[^\s,:\"'\[\]{}]+|[\s,:\"'\[\]{}]")


def mutate(random, content, others, parts=None):
    """A copy of bytes with one to four things wrong.

    Args:
        random: draws them.
        content: a valid file.
        others: files to splice with.
        parts: finds where a file's parts begin and end, or None.
    """
    made = bytearray(content)
    kinds = [_flip, _flip, _set, _number, _number, _truncate, _splice, _remove, _repeat]
    if parts is not None:
        kinds += [_remove_part, _repeat_part, _swap_parts, _part_number, _part_number, _from_other]
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        if made:
            random.choice(kinds)(random, made, others, parts)
    if made.startswith(b"\x89PNG") and random.random() < 0.8:
        return with_checksums(bytes(made))
    return bytes(made)


def _place(random, made):
    # headers are short, and what is in them matters most
    most = len(made) if random.random() < 0.4 else min(len(made), 400)
    return random.randrange(most)


def _flip(random, made, *_):
    for _ in range(random.choice((1, 1, 2, 8))):
        made[_place(random, made)] ^= 1 << random.randrange(8)


def _set(random, made, *_):
    made[_place(random, made)] = random.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))


def _number(random, made, *_):
    _write_number(random, made, _place(random, made))


def _write_number(random, made, place):
    form = random.choice(("<H", ">H", "<L", ">L"))
    size = struct.calcsize(form)
    if place + size <= len(made):
        value = random.choice(_NUMBERS) & (256**size - 1)
        if random.random() < 0.3:
            (old,) = struct.unpack_from(form, made, place)
            value = (old + random.choice((-2, -1, 1, 2, 64, 4096))) & (256**size - 1)
        struct.pack_into(form, made, place, value)


def _truncate(random, made, *_):
    del made[_place(random, made) :]


def _span(random, made):
    start = _place(random, made)
    return start, start + random.choice((1, 2, 4, 12, 64, 512))


def _remove(random, made, *_):
    start, end = _span(random, made)
    del made[start:end]


def _repeat(random, made, *_):
    start, end = _span(random, made)
    made[start:start] = made[start:end] * random.choice((1, 1, 2, 300))


def _splice(random, made, others, _parts):
    other = random.choice(others)
    start, end = _span(random, made)
    at = random.randrange(len(other))
    made[start:end] = other[at : at + end - start]


def _remove_part(random, made, _others, parts):
    if found := parts(bytes(made)):
        start, end = random.choice(found)
        del made[start:end]


def _repeat_part(random, made, _others, parts):
    if found := parts(bytes(made)):
        start, end = random.choice(found)
        made[start:start] = made[start:end] * random.choice((1, 1, 3, 500))


def _swap_parts(random, made, _others, parts):
    if len(found := parts(bytes(made))) > 1:
        (a, b), (c, d) = sorted(random.sample(found, 2))
        if b <= c:
            made[a:d] = made[c:d] + made[b:c] + made[a:b]


def _part_number(random, made, _others, parts):
    if found := parts(bytes(made)):
        start, end = random.choice(found)
        _write_number(random, made, random.randrange(start, max(start + 1, min(end, start + 16))))


def _from_other(random, made, others, parts):
    other = random.choice(others)
    if (found := parts(bytes(made))) and (given := parts(other)):
        start, _ = random.choice(found)
        a, b = random.choice(given)
        made[start:start] = other[a:b]


def chunks_of_png(content):
    return _sized(content, 8, ">L4x", lambda length: 12 + length)


def chunks_of_riff(content):
    return _sized(content, 12, "<4xL", lambda length: 8 + length + length % 2)


def _sized(content, place, form, size):
    found = []
    while place + struct.calcsize(form) <= len(content) and len(found) < 200:
        end = place + size(struct.unpack_from(form, content, place)[0])
        found.append((place, min(end, len(content))))
        place = end
    return found


def segments_of_jpeg(content):
    found, place = [], 2
    while place + 4 <= len(content) and content[place] == 0xFF and len(found) < 200:
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        found.append((place, min(end, len(content))))
        if content[place + 1] == 0xDA:
            break
        place = end
    return found


def entries_of_tiff(content):
    order = ">" if content[:2] == b"MM" else "<"
    if len(content) < 8:
        return []
    (at,) = struct.unpack_from(order + "L", content, 4)
    if at + 2 > len(content):
        return []
    (count,) = struct.unpack_from(order + "H", content, at)
    places = [at + 2 + 12 * number for number in range(min(count, 200))]
    return [(place, place + 12) for place in places if place + 12 <= len(content)]


def elements_of_dicom(content):
    """Elements in explicit little-endian, as nearly all files have them up to the pixels."""
    found, place = [], 132
    while place + 8 <= len(content) and len(found) < 200:
        group, _, vr, length = struct.unpack_from("<HH2sH", content, place)
        head = 8
        if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF", b"UC"):
            if place + 12 > len(content):
                break
            (length,) = struct.unpack_from("<L", content, place + 8)
            head = 12
        end = min(place + head + length, len(content))
        found.append((place, end))
        if group == 0x7FE0:
            break
        place = end
    return found


def mutate_json(random, content, others):
    """JSON with values replaced, removed, renamed or taken from elsewhere; or mutated as text."""
    if random.random() < 0.25:
        return mutate_text(random, content, others)
    value = json.loads(content)
    for _ in range(random.choice((1, 1, 2, 3))):
        path = random.choice(leaves(value))
        if path and random.random() < 0.3:
            value = _without(value, path)
        elif random.random() < 0.5:
            donor = json.loads(random.choice(others))
            value = replaced(value, path, _at(donor, random.choice(leaves(donor))))
        else:
            value = replaced(value, path, random.choice((*VALUES, *_WORDS, 2**63, 0.5, [[]])))
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _at(value, path):
    for key in path:
        value = value[key]
    return value


def _without(value, path):
    inner = _at(value, path[:-1]).copy()
    del inner[path[-1]]
    return replaced(value, path[:-1], inner)


def mutate_text(random, content, others):
    """Text with words, lines and separators replaced, repeated, removed; or mutated as bytes."""
    if random.random() < 0.25:
        return mutate(random, content, others)
    tokens = _TOKEN.findall(content.decode("utf-8", "replace"))
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        place = random.randrange(len(tokens) or 1)
        kind = random.randrange(5)
        if kind == 0:
            tokens[place : place + 1] = [random.choice(_WORDS)]
        elif kind == 1:
            tokens[place:place] = [random.choice(_WORDS)]
        elif kind == 2:
            del tokens[place : place + random.choice((1, 1, 3, 20))]
        elif kind == 3:
            tokens[place:place] = tokens[place : place + random.choice((1, 5, 20))]
        else:
            tokens[place:place] = [random.choice(_WORDS[:30])] * random.choice((2, 2000))
    return "".join(tokens).encode("utf-8", "surrogatepass")
