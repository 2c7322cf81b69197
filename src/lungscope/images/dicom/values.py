"""From stored values to grey: rescale, values of interest, polarity (PS3.3 C.7.6.16.2, C.11).

A sample has at most 16 bits, so the whole way is worked out once for each value that it can have,
in 64-bit floats, and an image is one look-up in that table.

What white is (1.0), and black (0.0):

- with a VOI LUT Sequence (C.11.2.1.1), the ends of the output range that its descriptor states;
  its first item is applied, and a window beside it is left alone, for "only one of them can be
  applied at a time" and the table is what the modality made for this image;
- with a window (C.11.2.1.2, C.11.2.1.3), the ends of the window, or for SIGMOID its asymptotes;
  of several the first;
- with neither, the ends of the range of Bits Stored (C.7.6.3.1), after rescaling: 8 bits read as
  they do from a PNG;
- where a table's entries, or with neither the stored values, use less than a quarter of the range
  that they are stated to have, the ends of the range that they do use (`images.depth`);
- MONOCHROME1, or Presentation LUT Shape INVERSE (C.11.6), turns black and white round after that,
  once: a DX image states both for one inversion (C.8.11.3.1.2);
- padding (C.7.5.1.1.2) is no part of the image: it is black, whatever else holds.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungscope.images.depth import find_used_bits
from lungscope.images.dicom.header import Elements
from lungscope.images.dicom.layout import Layout
from lungscope.images.dicom.transfer_syntaxes import StoredValues
from lungscope.images.undecodable import Undecodable

_BLOCK = 2**16

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LookupTable:
    """A Modality or VOI LUT (PS3.3 C.11.1.1, C.11.2.1.1).

    Attributes:
        first: the input value that the first entry stands for; less takes the first entry, and
            more than there are entries takes the last.
        entries: (N,) outputs.
        bits: of an output, by its descriptor.
        used_bits: of an output, where entries use far fewer; else None.
    """

    first: int
    entries: NDArray[np.uint16]
    bits: int
    used_bits: int | None

    @property
    def white(self) -> int:
        """The output that is white."""
        return (1 << (self.used_bits or self.bits)) - 1

    def __call__(self, values: Values) -> Values:
        """Looks (N,) values up."""
        # C.11.1.1: a value outside the table takes the nearest entry
        places = np.clip(np.trunc(values) - self.first, 0, len(self.entries) - 1)
        outputs: Values = self.entries[places.astype(np.intp)].astype(np.float64)
        return outputs


@dataclass(frozen=True)
class Window:
    """A window (PS3.3 C.11.2.1.2, C.11.2.1.3).

    Attributes:
        center, width: in rescaled values.
        function: "LINEAR", "LINEAR_EXACT" or "SIGMOID".
    """

    center: float
    width: float
    function: str

    def __call__(self, values: Values) -> Values:
        """Maps (N,) values to [0, 1]."""
        if self.function == "SIGMOID":  # C.11.2.1.3.1, written so that nothing overflows
            sigmoid: Values = 0.5 + 0.5 * np.tanh(2 * (values - self.center) / self.width)
            return sigmoid
        center, width = self.center, self.width
        if self.function == "LINEAR":  # C.11.2.1.2.1: the half and the one are the standard's
            center, width = center - 0.5, width - 1
        if width == 0:  # LINEAR of width 1 is a threshold
            return (values > center).astype(np.float64)
        linear: Values = np.clip((values - center) / width + 0.5, 0, 1)
        return linear

    def is_about(self, least: float, most: float) -> bool:
        """Whether its ends are these values, give or take one."""
        ends = self.center - self.width / 2, self.center + self.width / 2
        return self.function != "SIGMOID" and bool(np.allclose(ends, (least, most), 0, 1))


@dataclass(frozen=True)
class Rescale:
    """A linear Modality transformation (PS3.3 C.11.1.1.2): slope x value + intercept."""

    slope: float
    intercept: float

    def __call__(self, values: Values) -> Values:
        """Rescales (N,) values."""
        return values * self.slope + self.intercept


@dataclass(frozen=True)
class Appearance:
    """How stored values are to be seen.

    Attributes:
        modality: from stored to modality values.
        interest: from modality values to grey, or None for the whole range.
        inverted: whether the least grey is white.
        padding: the least and the largest stored value that is no part of the image, or None.
    """

    modality: LookupTable | Rescale
    interest: LookupTable | Window | None
    inverted: bool
    padding: tuple[int, int] | None

    def is_padding(self, stored: Values) -> NDArray[np.bool_]:
        """Whether each of (N,) stored values is no part of the image."""
        if self.padding is None:
            return np.zeros(stored.shape, np.bool_)
        return (stored >= self.padding[0]) & (stored <= self.padding[1])


@dataclass(frozen=True)
class Range:
    """The range of stored values that grey is spread over where no window or table says it.

    Attributes:
        least, most: its ends.
        used_bits: of a sample, where values use far fewer than are stored; else None.
    """

    least: int
    most: int
    used_bits: int | None = None


def read_appearance(header: Elements, layout: Layout) -> Appearance:
    """Reads how an image's values are to be seen.

    Raises:
        Undecodable: a value that is no number, a window without width or narrower than the standard
            has it, an unknown VOI LUT function or presentation LUT shape, a slope of 0, or a
            lookup table that contradicts its descriptor.
    """
    shape = header.code("PresentationLUTShape")
    if shape not in (None, "IDENTITY", "INVERSE"):
        raise Undecodable(f"its presentation LUT shape {shape} is not read")
    modality_lut = _lookup_table(header, "ModalityLUTSequence", signed=layout.signed)
    modality = modality_lut or _rescale(header)  # C.11.1: a table and a slope exclude each other
    # Whether a VOI LUT's first input is a signed number is not said, but whether it can be is.
    below_zero = bool(modality(_ends(layout)).min() < 0)
    voi_lut = _lookup_table(header, "VOILUTSequence", signed=below_zero)
    return Appearance(
        modality=modality,
        interest=voi_lut or _window(header),
        inverted=layout.photometric == "MONOCHROME1" or shape == "INVERSE",
        padding=_padding(header, layout),
    )


def find_range(samples: StoredValues, layout: Layout, appearance: Appearance) -> Range:
    """Finds the range of an image's stored values.

    Args:
        samples: (H, W) integers; bits above the stored ones are not looked at.
        layout: of the image.
        appearance: of the image.

    Returns:
        The range of Bits Stored; or, where a table or values use far less, what they use.
    """
    whole = Range(layout.least, layout.most)
    if isinstance(appearance.interest, Window):
        ends = appearance.modality(_ends(layout))
        if not appearance.interest.is_about(ends.min(), ends.max()):
            return whole
        appearance = replace(appearance, interest=None)  # the whole range: it says nothing
    for table in (appearance.interest, appearance.modality):
        if isinstance(table, LookupTable):
            return Range(layout.least, layout.most, table.used_bits)
    least, most = _occurring(samples, layout, appearance)
    if least >= 0:
        bits = find_used_bits(most, layout.bits_stored)
        return whole if bits is None else Range(0, 2**bits - 1, bits)
    bits = find_used_bits(2 * max(most, -least - 1), layout.bits_stored)
    return whole if bits is None else Range(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, bits)


def to_grey(
    samples: StoredValues, layout: Layout, appearance: Appearance, spread: Range
) -> NDArray[np.float32]:
    """Turns stored values into grey.

    Args:
        samples: (H, W) integers; bits above the stored ones are not looked at.
        layout: of the image.
        appearance: of the image.
        spread: what `find_range` returned for it.

    Returns:
        (H, W) float32 in [0, 1].
    """
    table = _table(samples.dtype, layout, appearance, spread)
    places = _places(samples)
    pixels = np.empty(places.size, np.float32)
    for start in range(
        0, places.size, _BLOCK
    ):  # numpy widens the places to 64 bits: not all at once
        block = slice(start, start + _BLOCK)
        # Every place is in the table; "clip" only spares numpy a copy.
        np.take(table, places[block], out=pixels[block], mode="clip")
    return pixels.reshape(samples.shape)


def _places(samples: StoredValues) -> NDArray[np.unsignedinteger[Any]]:
    """(H * W,) cells as numbers without a sign, of either byte order."""
    places: NDArray[np.unsignedinteger[Any]]
    places = samples.view(samples.dtype.str.replace("i", "u")).reshape(-1)
    return places


def _occurring(samples: StoredValues, layout: Layout, appearance: Appearance) -> tuple[int, int]:
    """The least and the largest stored value that is part of the image."""
    if not layout.signed and appearance.padding is None and samples.max() <= layout.most:
        return 0, int(samples.max())  # as nearly always, and fast
    seen = np.zeros(2 ** (8 * samples.dtype.itemsize), np.bool_)
    seen[_places(samples)] = True
    stored = _stored(samples.dtype, layout)
    stored = stored[seen & ~appearance.is_padding(stored)]
    return (int(stored.min()), int(stored.max())) if stored.size else (0, layout.most)


def _stored(dtype: np.dtype[np.integer], layout: Layout) -> Values:
    """(2 ** bits of a cell,): the stored value in everything that a cell can hold."""
    native = dtype.newbyteorder("=")
    cells = np.arange(2 ** (8 * dtype.itemsize), dtype=f"u{dtype.itemsize}").view(native)
    unused = 8 * dtype.itemsize - layout.bits_stored
    if unused > 0:
        cells = (cells << unused) >> unused  # spreads the sign where there is one
    stored: Values = cells.astype(np.float64)
    return stored


def _table(
    dtype: np.dtype[np.integer], layout: Layout, appearance: Appearance, spread: Range
) -> Values:
    """(2 ** bits of a cell,) float32: the grey of every value that a cell can hold."""
    stored = _stored(dtype, layout)
    with np.errstate(all="ignore"):  # of extreme numbers in a header; what they give is looked at
        values = _interest(appearance, stored, spread)
    if not np.isfinite(values).all():
        raise Undecodable("its rescaling or window goes beyond every finite number")
    if appearance.inverted:
        values = 1 - values
    # last: padding is black, also where the image is inverted
    values[appearance.is_padding(stored)] = 0
    return values.astype(np.float32)


def _interest(appearance: Appearance, stored: Values, spread: Range) -> Values:
    values = appearance.modality(stored)
    if isinstance(appearance.interest, Window) and spread.used_bits is None:
        return appearance.interest(values)
    if isinstance(appearance.interest, LookupTable):
        return np.minimum(appearance.interest(values) / appearance.interest.white, 1)
    if isinstance(appearance.modality, LookupTable):
        return np.minimum(values / appearance.modality.white, 1)
    ends = appearance.modality(_ends(spread))
    grey: Values = np.clip((values - ends.min()) / (ends.max() - ends.min()), 0, 1)
    return grey


def _rescale(header: Elements) -> Rescale:
    # absent in many CR and DX files, where stored values are meant as they are
    slope = header.decimals("RescaleSlope") or (1.0,)
    intercept = header.decimals("RescaleIntercept") or (0.0,)
    if not np.isfinite(slope[0] * 2**16 + intercept[0]) or slope[0] == 0:
        raise Undecodable("its rescale slope is 0, or it or its intercept is no finite number")
    return Rescale(slope[0], intercept[0])


def _ends(spread: Layout | Range) -> Values:
    return np.array([spread.least, spread.most], np.float64)


def _window(header: Elements) -> Window | None:
    center, width = header.decimals("WindowCenter"), header.decimals("WindowWidth")
    if not center and not width:
        return None
    # half a window could be anything: a guess would change the image without a word
    if not center or not width:
        raise Undecodable("it has a window center without a window width, or the reverse")
    function = header.code("VOILUTFunction") or "LINEAR"
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise Undecodable(f"its VOI LUT function {function} is not read")
    # C.11.2.1.2.1 has LINEAR divide by width - 1; the others divide by the width
    least = 1 if function == "LINEAR" else np.finfo(np.float32).tiny
    if not np.isfinite(center[0]) or not least <= width[0] < np.inf:
        raise Undecodable("its window width must be more than 0, and 1 or more where it is LINEAR")
    return Window(center[0], width[0], function)


def _lookup_table(header: Elements, keyword: str, *, signed: bool) -> LookupTable | None:
    item = header.first_item(keyword)
    if item is None:
        return None
    descriptor = item.shorts("LUTDescriptor")
    if len(descriptor) != 3:
        raise Undecodable(f"its {keyword} has no LUT descriptor of three numbers")
    count, bits = descriptor[0] or 2**16, descriptor[2]  # C.11.1.1.1: 0 stands for 65,536
    first = item.shorts("LUTDescriptor", signed=signed)[1]
    value, order = item.stored("LUTData")
    if not 8 <= bits <= 16:
        raise Undecodable(f"its {keyword} has entries of {bits} bits, not 8 to 16")
    # entries of 8 bits are stored one to a byte, padded to an even length, or one to a word
    if bits == 8 and len(value) in (count, count + count % 2) and count > 1:
        entries = np.frombuffer(value, np.uint8, count).astype(np.uint16)
    elif len(value) == 2 * count:
        entries = np.frombuffer(value, f"{order}u2").astype(np.uint16)
    else:
        raise Undecodable(
            f"its {keyword} has {len(value)} bytes, and its descriptor says {count} entries"
        )
    return LookupTable(first, entries, bits, find_used_bits(int(entries.max()), bits))


def _padding(header: Elements, layout: Layout) -> tuple[int, int] | None:
    value = header.shorts("PixelPaddingValue", signed=layout.signed)
    if not value:
        return None
    # C.7.5.1.1.2: the limit may lie below or above the value
    limit = header.shorts("PixelPaddingRangeLimit", signed=layout.signed) or value
    return min(value[0], limit[0]), max(value[0], limit[0])
