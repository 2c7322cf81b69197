"""What goes wrong because of an input, told to a person in one line."""


class LungscopeError(Exception):
    """A mistake in what was given: the message says what is wrong and what to do.

    The command line prints the message alone and exits with status 2; a program catches
    this one class to catch every refusal of lungscope.
    """
