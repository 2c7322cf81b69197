"""The checks by name: adding one is a module in `audit/checks/`."""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from lungscope.audit.context import Context
from lungscope.audit.finding import AuditFigure, Finding
from lungscope.audit.performance import Performance

R = TypeVar("R")


@dataclass(frozen=True)
class Check(Generic[R]):
    """One subject of an audit: what is measured, what follows from it, and what is drawn.

    Measuring and concluding are apart, so that thresholds can be tested without a model.

    Attributes:
        name: identifier; the key of the result in `audit.json`.
        result: the frozen dataclass that `measure` returns. It consists of what JSON can hold:
            numbers, texts, tuples, dictionaries and further dataclasses, e.g. `Estimate`.
        measure: measures the model. It may return None where the check does not apply.
        conclude: draws findings from a result and the model's performance; may return none.
        draw: draws figures into a folder, as `NAME.png`, and returns their captions. It may draw
            none.
        order: checks run, and are reported, by rising order, then by name.
    """

    name: str
    result: type[Any]
    measure: Callable[[Context], R]
    conclude: Callable[[R, Performance], Sequence[Finding]]
    draw: Callable[[R, Context, Path], Sequence[AuditFigure]] | None = None
    order: int = 1000


_REGISTERED: dict[str, Check[Any]] = {}


def register_check(check: Check[R]) -> Check[R]:
    """Adds a check to every audit that is made from now on.

    Args:
        check: the check.

    Returns:
        The same check.

    Raises:
        ValueError: a check of that name is registered already.
    """
    if check.name in _REGISTERED:
        raise ValueError(f"audit check {check.name!r} is registered twice")
    _REGISTERED[check.name] = check
    return check


def list_checks() -> tuple[Check[Any], ...]:
    """Lists all checks in the order in which they run and are reported.

    Examples:
        >>> [check.name for check in list_checks()][:3]
        ['shortcuts', 'lungs', 'source-probe']
    """
    from lungscope.audit import checks  # not at the top: its modules import this one

    for module in pkgutil.iter_modules(checks.__path__, f"{checks.__name__}."):
        importlib.import_module(module.name)
    return tuple(sorted(_REGISTERED.values(), key=lambda check: (check.order, check.name)))
