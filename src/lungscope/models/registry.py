"""The architectures by name: adding one is a decorated function in `architectures.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lungscope.errors import InvalidSetting
from lungscope.models.network import Network, Trained


@dataclass(frozen=True)
class Shape:
    """What the user decides about a network.

    Attributes:
        classes: number of outputs, >= 2.
        se_reduction: channels of the Squeeze-and-Excitation block over those of its bottleneck,
            where the architecture has one.
    """

    classes: int
    se_reduction: int = 16


Compose = Callable[[Any, Shape, Trained], Network]
"""Takes torchvision's module of that architecture, whichever class it is of."""


@dataclass(frozen=True)
class Architecture:
    """A model that can be trained.

    Attributes:
        name: as the command line spells it, e.g. "mobilenet-lung".
        title: as tables and figures, and the paper, spell it, e.g. "MobileNet-Lung".
        original: name of the 1,000-class original in torchvision, e.g. "mobilenet_v2".
        trained: which of its parameters are trained.
        compose: turns the original into a `Network` with another classifier.
    """

    name: str
    title: str
    original: str
    trained: Trained
    compose: Compose


_REGISTERED: dict[str, Architecture] = {}


def register_model(
    name: str, title: str, original: str, trained: Trained
) -> Callable[[Compose], Compose]:
    """Registers the decorated function as the `compose` of a new architecture."""

    def decorate(compose: Compose) -> Compose:
        if name in _REGISTERED:
            raise ValueError(f"architecture {name!r} is registered twice")
        _REGISTERED[name] = Architecture(name, title, original, trained, compose)
        return compose

    return decorate


def list_architectures() -> tuple[Architecture, ...]:
    """Returns all architectures: the paper's in the order of its Table I, then the others.

    Examples:
        >>> from lungscope.models import list_architectures
        >>> [each.name for each in list_architectures() if each.trained == "all"]
        ['mobilenet-ft', 'mobilenet-lung']
    """
    return tuple(_REGISTERED.values())


def get_architecture(name: str) -> Architecture:
    """Returns the architecture of that name.

    Raises:
        InvalidSetting: there is no such model; the message lists the names.

    Examples:
        >>> from lungscope.models import get_architecture
        >>> get_architecture("mobilenet-lung").title
        'MobileNet-Lung'
    """
    try:
        return _REGISTERED[name]
    except KeyError:
        raise InvalidSetting(
            f"model {name!r} is unknown; choose one of {', '.join(_REGISTERED)}"
        ) from None
