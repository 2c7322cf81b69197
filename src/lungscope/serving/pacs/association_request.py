"""AE titles in a request for an association, as devices write them (PS3.8 9.3.2)."""

ASSOCIATE_RQ = 0x01
"""Type of the protocol data unit."""

KNOWN_TYPES = range(0x01, 0x08)
"""Types of all protocol data units."""

_CALLED, _CALLING = slice(10, 26), slice(26, 42)


class RefusedTitle(ValueError):
    """A title that no configuration can name; the message says why."""


def plain_titles(unit: bytearray) -> bytearray:
    """Returns a request with its titles padded by spaces, as the standard wants them.

    Some devices pad them with NUL, which pynetdicom refuses and DCMTK accepts.

    Args:
        unit: a protocol data unit of the type A-ASSOCIATE-RQ.

    Raises:
        RefusedTitle: a title is blank, or not printable ASCII.
    """
    made = bytearray(unit)
    for name, part in (("called", _CALLED), ("calling", _CALLING)):
        title = bytes(made[part]).partition(b"\0")[0].strip(b" ")
        if not title:
            raise RefusedTitle(f"the {name} AE title is blank")
        if not all(0x20 <= letter < 0x7F for letter in title):
            raise RefusedTitle(f"the {name} AE title {ascii(title)[1:]} is not printable ASCII")
        made[part] = title.ljust(16)
    return made
