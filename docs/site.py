"""Hooks of mkdocs: the how-to pages in the navigation, and the pages that are made when it builds.

The reference of the API lists every module of a room; that of the command line is what typer knows
of the commands. README, CHANGELOG and the like are shown as they are in the repository, with their
links made to fit.
"""

import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from typer.cli import get_docs_for_click

import lungscope

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "lungscope"
ROOMS = {
    "images": "Images",
    "inference": "Inference",
    "data": "Data",
    "phantom": "Phantoms",
    "models": "Models",
    "training": "Training",
    "evaluation": "Evaluation",
    "comparison": "Comparison",
    "audit": "Audit",
    "export": "Export",
    "report": "Report",
    "reproduction": "Reproduction",
}
SHOWN = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "src/lungscope/bundled/robust/model_card.md": "model-card-robust.md",
    "src/lungscope/bundled/paper/model_card.md": "model-card-paper.md",
}
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lists the how-to pages and the rooms in the navigation."""
    folder = Path(config.docs_dir) / "how-to"
    for section in config.nav or []:
        if "How-to" in section:
            section["How-to"] = [f"how-to/{page.name}" for page in sorted(folder.glob("*.md"))]
        if "Reference" in section:
            rooms = [{title: f"reference/api/{room}.md"} for room, title in ROOMS.items()]
            at = next(n for n, entry in enumerate(section["Reference"]) if "Python API" in entry)
            section["Reference"][at] = {"Python API": ["reference/api/index.md", *rooms]}
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages."""
    pages = {"reference/api/index.md": _public(), "reference/cli.md": _commands()}
    pages |= {f"reference/api/{room}.md": _room(room, title) for room, title in ROOMS.items()}
    pages |= {name: _moved(ROOT / source) for source, name in SHOWN.items()}
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def _public() -> str:
    offered = [getattr(lungscope, name) for name in lungscope.__all__]
    entries = "\n\n".join(
        f"::: {each.__module__}.{each.__qualname__}"
        for each in offered
        if hasattr(each, "__qualname__")  # the version and the disclaimer are plain texts
    )
    return (
        "# Python API\n\n`import lungscope as ls` offers these names. Each is loaded when used. "
        "The other pages list the modules behind it, room by room: public is what "
        "`lungscope.__all__` and the `__init__` of a room list.\n\n" + entries + "\n"
    )


def _room(room: str, title: str) -> str:
    about = import_module(f"lungscope.{room}").__doc__ or ""
    modules = [
        found.name
        for found in pkgutil.walk_packages([str(PACKAGE / room)], f"lungscope.{room}.")
        if not found.ispkg and not any(part.startswith("_") for part in found.name.split("."))
    ]
    entries = "\n\n".join(
        f"::: {name}\n    options:\n      show_root_full_path: true" for name in modules
    )
    return f"# {title}\n\n{about.strip()}\n\n{entries}\n"


def _commands() -> str:
    from lungscope.cli.app import app

    command = typer.main.get_command(app)
    _keep_short_help_whole(command)
    return get_docs_for_click(
        obj=command, ctx=typer.Context(command), name="lungscope", title="Command line"
    )


def _keep_short_help_whole(command: Any) -> None:
    # a list of commands is cut to the width of a terminal, unless each has its own short help
    for each in getattr(command, "commands", {}).values():
        each.short_help = (each.help or "").split("\n\n")[0].replace("\n", " ")
        _keep_short_help_whole(each)


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Fits the links to files outside `docs/`: to their page on the site, or to nothing."""
    if page.file.generated_by:
        return markdown
    folder = Path(str(page.file.abs_src_path)).parent
    up = "../" * page.file.src_uri.count("/")

    def fit(link: re.Match[str]) -> str:
        place = (folder / link["target"]).resolve()
        if not link["target"].startswith("../") or ROOT / "docs" in place.parents:
            return link[0]
        shown = SHOWN.get(place.relative_to(ROOT).as_posix())
        return f"[{link['text']}]({up}{shown})" if shown else link["text"]

    return LINK.sub(fit, markdown)


def _moved(source: Path) -> str:
    """The text of a file outside `docs/`, with its links as seen from the root of the site."""

    def fit(link: re.Match[str]) -> str:
        text, target, anchor = link["text"], link["target"], link["anchor"] or ""
        if not target or re.match(r"[a-z]+:", target):
            return link[0]
        if target in SHOWN:
            return f"[{text}]({SHOWN[target]}{anchor})"
        if target.startswith("docs/"):
            return f"[{text}]({target.removeprefix('docs/')}{anchor})"
        return text

    return LINK.sub(fit, source.read_text(encoding="utf-8"))
