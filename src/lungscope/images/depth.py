"""How many bits a sample really has, where a file claims more than it uses.

Radiographs of 12 bits are often stored in files that say 16: then white is 4095, and by the file's
word the image would be nearly black.
"""

USUAL_DEPTHS = (8, 10, 12, 14)
"""Bits of one sample of detectors and scanners."""

_LEAST_UNUSED = 2  # bits: less than a quarter of the range is used


def find_used_bits(largest: int, bits: int) -> int | None:
    """Finds the depth that samples have, where it is far below the one that is stated.

    Args:
        largest: the largest value that occurs, >= 0.
        bits: of one sample, as stated.

    Returns:
        The least of the usual depths that holds the value; None where it is less than two bits
        below the stated one.

    Examples:
        >>> find_used_bits(3900, 16)
        12
        >>> find_used_bits(20000, 16) is None
        True
    """
    for depth in USUAL_DEPTHS:
        if largest < 2**depth and depth <= bits - _LEAST_UNUSED:
            return depth
    return None
