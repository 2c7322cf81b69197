"""Damaged JSON files: one part replaced by something else, or another text altogether."""

from hypothesis import strategies as st

TEXTS = ("", "[]", "null", "{", "[" * 100_000, '{"subset": "test"}')
"""Contents that are not those of any result file."""

VALUES = (None, [], {}, "", "x" * 300, -1, 1e999, float("nan"), True, 10**400)
"""What a damaged file may hold in the place of a value."""


def leaves(value, path=()):
    """Paths to every value that holds no others."""
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [path, *(leaf for key, each in pairs for leaf in leaves(each, (*path, key)))]
    return [path]


def replaced(value, path, new):
    """A copy of a value with another one at a path."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def damaged(value):
    """Draws copies of a value with one part of it replaced."""
    return st.builds(
        lambda path, new: replaced(value, path, new),
        st.sampled_from(leaves(value)),
        st.sampled_from(VALUES),
    )
