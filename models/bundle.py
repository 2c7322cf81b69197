"""Makes the folder of a bundled model from a run: exports it, and completes its card.

    python models/bundle.py runs/robust models/robust-card.yaml -o src/lungscope/bundled/robust

The card's lines that only an author can write are in the YAML file, by the heading of their
section. The folder is written beside the old one, and takes its place.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from ruamel.yaml import YAML

import lungscope as ls

CARD = "model_card.md"
WEIGHTS = "model.safetensors"
_TO_FILL = re.compile(r"^- \*\*Author to fill:\*\* .*$")


def complete(card: str, author: Mapping[str, list[str]]) -> str:
    """Returns the card with the author's lines in place of those that ask for them.

    Raises:
        KeyError: a section asks for lines, and there are none.
    """
    section, lines = "", []
    for line in card.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        if _TO_FILL.match(line):
            lines += [f"- {' '.join(each.split())}" for each in author[section]]
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def main(
    run: Annotated[Path, typer.Argument(help="Run folder, evaluated and audited.")],
    author: Annotated[Path, typer.Argument(help="YAML: lines by section of the card.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the bundled model.")],
) -> None:
    """Exports the run, adds its weights and the author's lines, and replaces the folder."""
    new = out.with_name(f"{out.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    ls.Run.open(run).export(new)
    shutil.copyfile(run / "checkpoint" / WEIGHTS, new / WEIGHTS)
    card = (new / CARD).read_text(encoding="utf-8")
    card = re.sub(r"(?<=from the files of )the run \S+;", "a run;", card, count=1)
    lines = YAML(typ="safe").load(author.read_text(encoding="utf-8"))
    (new / CARD).write_text(complete(card, lines), encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    new.rename(out)


if __name__ == "__main__":
    typer.run(main)
