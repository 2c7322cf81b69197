"""`lungscope models`: the architectures and what they cost."""

from dataclasses import asdict

from rich.table import Table

from lungscope.cli.options import Json
from lungscope.cli.terminal import Terminal


def models(json: Json = False) -> None:
    """List the models: parameters, size and multiply-adds at 224 x 224, for three classes."""
    from lungscope.models import Shape, list_architectures
    from lungscope.models.cost import compute_cost

    terminal = Terminal(json=json)
    costs = {each: compute_cost(each, Shape(classes=3)) for each in list_architectures()}
    table = Table(
        "model",
        "trained",
        "parameters\n1,000 classes",
        "parameters\n3 classes",
        "of them\ntrained",
        "\nMB",
        "multiply-\nadds",
        box=None,
    )
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[2:]:
        column.justify = "right"
    for each, found in costs.items():
        table.add_row(
            each.name,
            each.trained,
            f"{found.original_parameters:,}",
            f"{found.parameters:,}",
            f"{found.trained_parameters:,}",
            f"{found.bytes / 1e6:.1f}",
            f"{found.multiply_adds / 1e6:,.0f} M",
        )
    terminal.say(table)
    terminal.answer(
        [
            {"name": e.name, "title": e.title, "trained": e.trained} | asdict(c)
            for e, c in costs.items()
        ]
    )
