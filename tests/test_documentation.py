"""What the README and the documentation show of Python is what Python does.

The ```python blocks of a page run in order, as one program, in a folder that holds what
`example_folder` describes. A block that cannot run there has a comment before it:
`<!-- not run: REASON -->`.
"""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import lungscope as ls

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+?) -->\n+)?```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def blocks(page: Path) -> list[tuple[str | None, str]]:
    """Reason not to run it, and code on its line in the page, of each block."""
    text = page.read_text(encoding="utf-8")
    return [
        (found["reason"], "\n" * text.count("\n", 0, found.start("code")) + found["code"])
        for found in BLOCK.finditer(text)
    ]


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def small(**changes) -> ls.Recipe:
    """The recipe that is asked for, of small images, few epochs, and no download."""
    return replace(Recipe(**changes), size=64, epochs=2, weights="none")


Recipe = ls.Recipe


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(not why for why, _ in blocks(page))], ids=named
)
def test_the_python_of_a_page_runs(page, example_folder, request, monkeypatch):
    monkeypatch.setattr(ls, "Recipe", small)
    code = [code for reason, code in blocks(page) if reason is None]
    if "runs/" in "".join(code) and not any("train(" in each for each in code):
        shutil.copytree(request.getfixturevalue("example_run"), example_folder / "runs" / "lung")
    names: dict[str, object] = {"__name__": "__example__"}
    for each in code:
        exec(compile(each, named(page), "exec"), names)  # noqa: S102  the pages are ours


@pytest.mark.parametrize(
    ("page", "reason"),
    [(page, reason) for page in PAGES for reason, _ in blocks(page) if reason],
    ids=lambda value: named(value) if isinstance(value, Path) else "",
)
def test_a_block_that_is_not_run_names_the_test_that_does_or_what_is_missing(page, reason):
    test = re.search(r"tests/\S+\.py", reason)
    assert test is None or (ROOT / test[0]).is_file()
    if test is None:
        pytest.skip(f"{named(page)}: {reason}")


def test_no_python_block_is_missed():
    for page in PAGES:
        assert page.read_text(encoding="utf-8").count("```python") == len(blocks(page)), page


def changes(page: Path) -> list[tuple[Path, str, str]]:
    """The file, its lines before and its lines after, of each part of each ```diff block."""
    found = []
    for block in re.findall(r"^```diff\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S):
        _, target, *lines = block.splitlines()
        for part in re.split(r"^@@$\n", "\n".join(lines), flags=re.M):
            before = [line[1:] for line in part.splitlines() if not line.startswith("+")]
            after = [line[1:] for line in part.splitlines() if not line.startswith("-")]
            path = ROOT / target.removeprefix("+++ b/")
            found.append((path, "\n".join(before), "\n".join(after)))
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if changes(page)], ids=named)
def test_a_change_that_a_page_shows_fits_the_file(page):
    for path, before, after in changes(page):
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1 or after in text, (path, before)


def test_the_readme_classifies_a_phantom_and_a_dicom_file(example_folder, capsys):
    (example,) = (code for _, code in blocks(ROOT / "README.md") if "predict_files" in code)
    names: dict[str, object] = {}
    exec(example, names)  # noqa: S102
    first, *others = capsys.readouterr().out.splitlines()
    assert "Viral Pneumonia" in first
    assert [line.split()[0] for line in others] == ["a.png", "b.dcm"]
    assert names["evidence"].shape == (64, 64)
