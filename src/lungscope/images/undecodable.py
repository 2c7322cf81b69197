"""The one error of everything that turns bytes into grey levels."""


class Undecodable(Exception):
    """The bytes cannot become grey levels; the message says why in one line."""
