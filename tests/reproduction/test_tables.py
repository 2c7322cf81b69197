import csv
import json
from dataclasses import replace

import numpy as np

from lungscope.audit.baselines import Baseline
from lungscope.estimate import Estimate
from lungscope.reproduction.tables import format_markdown, format_metric, write_tables


def grids(text):
    """The tables of a Markdown text: lists of rows of cells."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    return [[[c.strip() for c in line[1:-1].split(" | ")] for line in block] for block in blocks]


def test_a_metric_is_formatted_with_its_interval(reproduced):
    own = reproduced().rows[1]
    estimate = own.metrics["loss"].estimate
    expected = f"{estimate.value:.4f} (95\u00a0% {estimate.low:.4f} to {estimate.high:.4f})"
    assert format_metric(own, "loss") == expected


def test_a_metric_of_several_seeds_is_formatted_with_its_deviation(reproduced):
    own = reproduced(seeds=2).rows[1]
    measured = own.metrics["loss"]
    assert f"{measured.estimate.value:.4f} ± {measured.deviation:.4f} (" in format_metric(
        own, "loss"
    )


def test_markdown_has_all_models_in_each_of_three_tables_of_even_width(reproduced):
    tables = grids(format_markdown(reproduced()))
    assert len(tables) == 3
    for head, rule, *rows in tables:
        assert set(rule) == {"---"}
        assert [cells[0] for cells in rows] == ["VGG11", "MobileNetV2", "SqueezeNet 1.1"]
        assert {len(cells) for cells in rows} == {len(head)}


def test_shortcuts_are_a_table_below_the_models(reproduced):
    border = Baseline("border", "border alone", "The border.", Estimate(0.75, 0.7, 0.8), np.ones(1))
    table = replace(reproduced(), shortcuts=(border,))
    shown = grids(format_markdown(table))[3]
    assert shown[2] == ["border alone", "The border.", "0.7500 (95 % 0.7000 to 0.8000)"]
    assert table.to_json()["shortcuts"][0]["accuracy"]["value"] == 0.75
    assert len(grids(format_markdown(reproduced()))) == 3


def test_markdown_puts_the_paper_and_a_verdict_beside_each_number(reproduced):
    accuracy, *_ = grids(format_markdown(reproduced()))
    vgg, mobilenet, squeezenet = accuracy[2:]
    assert vgg[1:4] == ["weights unavailable", "0.8507", ""]
    assert mobilenet[2] == "0.8853"
    assert mobilenet[3] in {"inside", "above", "below"}
    assert squeezenet[2:4] == ["not in the paper", ""]


def test_markdown_ends_with_the_notes(reproduced):
    text = format_markdown(reproduced())
    for note in (
        "VGG11: weights unavailable (no \\| network)",
        "SqueezeNet 1.1 is not in the paper",
        "bootstrap intervals over groups",
        "One training per model",
        "not for diagnosis",
    ):
        assert note in text


def test_a_quick_look_is_labelled_in_every_form(reproduced, small, tmp_path):
    write_tables(reproduced(small), tmp_path)
    for suffix in ("csv", "json", "md"):
        text = (tmp_path / f"table1.{suffix}").read_text()
        assert "quick look: at most 2 epochs" in text
        assert "from random weights" in text


def test_the_papers_recipe_is_labelled_in_none(reproduced, tmp_path):
    write_tables(reproduced(), tmp_path)
    assert json.loads((tmp_path / "table1.json").read_text())["labels"] == []
    assert "quick look" not in (tmp_path / "table1.md").read_text()


def test_the_csv_holds_the_numbers_of_the_json_to_the_last_digit(reproduced, tmp_path):
    write_tables(reproduced(seeds=2), tmp_path)
    value = json.loads((tmp_path / "table1.json").read_text())
    with (tmp_path / "table1.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [line["model"] for line in table] == ["vgg11", "mobilenet-v2", "squeezenet1_1"]
    for line, own in zip(table[1:], value["rows"][1:], strict=True):
        for metric, measured in own["metrics"].items():
            assert float(line[metric]) == measured["value"]
            assert float(line[f"{metric}_low"]) == measured["low"]
            assert float(line[f"{metric}_standard_deviation"]) == measured["standard_deviation"]
            assert line[f"{metric}_verdict"] == (measured["verdict"] or "")
    assert (table[0]["accuracy"], table[0]["accuracy_published"]) == ("", "0.8507")
    assert table[0]["reason"] == "no | network"
