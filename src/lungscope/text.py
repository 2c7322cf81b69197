"""Numbers, lists and tables as people read them: one place for all rooms.

A number with its interval formats itself: see `lungscope.estimate.Estimate`.
"""

from collections.abc import Iterable, Sequence
from json import JSONDecodeError
from pathlib import PureWindowsPath


def format_decimal(value: float, digits: int = 3) -> str:
    """Formats a number with a fixed number of decimals.

    Examples:
        >>> format_decimal(0.92131)
        '0.921'
    """
    return f"{value:.{digits}f}"


def format_short(value: float) -> str:
    """Formats a number with as few characters as it takes.

    Examples:
        >>> format_short(0.010), format_short(10.0)
        ('0.01', '10')
    """
    return f"{value:.12g}"


def format_count(value: int) -> str:
    """Formats a count, with commas between thousands.

    Examples:
        >>> format_count(2415)
        '2,415'
    """
    return f"{value:,}"


def format_quantity(count: int, noun: str) -> str:
    """Formats a count with its noun, which takes an "s" unless the count is 1.

    Examples:
        >>> format_quantity(1, "epoch"), format_quantity(2415, "image")
        ('1 epoch', '2,415 images')
    """
    return f"{format_count(count)} {noun}{'' if count == 1 else 's'}"


def format_percent(proportion: float, digits: int = 1) -> str:
    """Formats a proportion as a percentage, with a space before the sign.

    Args:
        proportion: in [0, 1].
        digits: decimals of the percentage.

    Examples:
        >>> format_percent(0.934), format_percent(0.95, 0)
        ('93.4 %', '95 %')
    """
    return f"{100 * proportion:.{digits}f} %"


def format_duration(seconds: float) -> str:
    """Formats a time in at most two units.

    Examples:
        >>> format_duration(252), format_duration(7500)
        ('4 min 12 s', '2 h 5 min')
    """
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def join_words(words: Iterable[str]) -> str:
    """Joins words with commas, and the last one with "and".

    Args:
        words: one or more.

    Examples:
        >>> join_words(["a", "b", "c"])
        'a, b and c'
    """
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last


def describe_fault(error: BaseException) -> str:
    """Says why a library could not read something, without the names of Python's exceptions.

    Args:
        error: what was raised.

    Returns:
        One line; "" where the error says nothing.

    Examples:
        >>> describe_fault(KeyError("classes")), describe_fault(RecursionError("..."))
        ("'classes' is missing", 'nested too deeply')
    """
    if isinstance(error, KeyError):
        return f"{error} is missing"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, UnicodeDecodeError):
        return "not text in UTF-8"
    if isinstance(error, JSONDecodeError):
        return f"not JSON: {error.msg}, line {error.lineno} column {error.colno}"
    if isinstance(error, OSError) and error.strerror:
        name = file_name(str(error.filename)) if error.filename else ""
        return f"{name}: {error.strerror}" if name else error.strerror
    return next(iter(str(error).splitlines()), "")


def list_some(words: Sequence[str], most: int = 8) -> str:
    """Joins words with commas; of many, the first ones and how many more there are.

    Examples:
        >>> list_some(["a", "b", "c", "d"], most=2)
        'a, b and 2 more'
    """
    if len(words) <= most:
        return ", ".join(words)
    return f"{', '.join(words[:most])} and {len(words) - most:,} more"


def file_name(path: str) -> str:
    r"""Returns the last part of a path, whether its slashes are those of Windows or not.

    Examples:
        >>> file_name(r"C:\Users\me\start.pt"), file_name("runs/start.pt")
        ('start.pt', 'start.pt')
    """
    return PureWindowsPath(path).name  # which knows both kinds of slash


def html_table(header: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Builds an HTML table, for `_repr_html_` in notebooks; every cell is escaped.

    Args:
        header: the titles of the columns.
        rows: cells, as many a row as there are columns.
        caption: above the table; none if it is empty.

    Examples:
        >>> html_table(["file", "class"], [["a.png", "<b>"]])
        '<table><tr><th>file</th><th>class</th></tr><tr><td>a.png</td><td>&lt;b&gt;</td></tr></table>'
    """
    from html import escape  # its table of entities costs the command line milliseconds

    lines = [_row("th", header), *(_row("td", row) for row in rows)]
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}{''.join(lines)}</table>"


def _row(tag: str, cells: Iterable[object]) -> str:
    from html import escape

    inner = "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells)
    return f"<tr>{inner}</tr>"
