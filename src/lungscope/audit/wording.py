"""How numbers are written in the sentences of findings."""

from lungscope.estimate import Estimate


def share(value: float) -> str:
    """A share in [0, 1]: "93.4 %"."""
    return f"{100 * value:.1f} %"


def percent(estimate: Estimate) -> str:
    """A share with its interval: "93.4 % (90.0 to 96.4)"."""
    return f"{100 * estimate.value:.1f} % ({_interval(estimate, '.1f')})"


def points(estimate: Estimate) -> str:
    """A difference of shares with its sign and its interval: "-2.0 (-4.0 to +0.0)"."""
    return f"{100 * estimate.value:+.1f} ({_interval(estimate, '+.1f')})"


def compared(difference: Estimate) -> str:
    """A difference of shares in words: "8.9 points more (+4.5 to +13.5)", or less, or as much."""
    size = f"{100 * abs(difference.value):.1f}"
    words = f"{size} points {'more' if difference.value > 0 else 'less'}"
    return f"{'as much' if size == '0.0' else words} ({_interval(difference, '+.1f')})"


def limit(value: float) -> str:
    """A threshold of a difference: "5 points"."""
    return f"{100 * value:.0f} points"


def _interval(estimate: Estimate, form: str) -> str:
    return f"{100 * estimate.low:{form}} to {100 * estimate.high:{form}}"
