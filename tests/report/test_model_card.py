import json
import re
from dataclasses import replace

import pytest

from lungscope.images import Preprocessing
from lungscope.report.checklists.claim_2024 import fill_claim
from lungscope.report.checklists.tripod import fill_tripod
from lungscope.report.facts import read_facts
from lungscope.report.run_report import AUTHOR, format_model_card
from lungscope.report.statements import (
    describe_balance,
    describe_initial_weights,
    describe_selection,
)

HOSTILE = ("<script>alert(1)</script>", "a | b", "[x](http://evil.example)\n# **bold** `code`")


@pytest.fixture(scope="module")
def facts(run):
    return read_facts(run)


@pytest.fixture(scope="module")
def card(facts):
    return format_model_card(facts)


def cells(line):
    """Of a table's row; an escaped bar parts nothing."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def rows(card, checklist):
    part = card.split(f"\n## {checklist}\n")[1].split("\n## ")[0]
    return [cells(line) for line in part.splitlines() if line.startswith("|")]


def test_claim_has_its_44_items_in_order(facts):
    assert [item.number for item in fill_claim(facts).items] == [str(n) for n in range(1, 45)]


def test_tripod_has_its_27_items_with_their_52_parts(facts):
    parts = {3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg"}
    parts |= {18: "abcdef", 20: "abc", 23: "ab", 27: "abc"}
    expected = [f"{n}{part}" for n in range(1, 28) for part in parts.get(n, [""])]
    assert len(expected) == 52
    assert [item.number for item in fill_tripod(facts).items] == expected


def test_every_item_is_answered_or_left_to_the_author(facts):
    for checklist in (fill_claim(facts), fill_tripod(facts)):
        assert all(item.asks and (item.says or item.author) for item in checklist.items)


@pytest.mark.parametrize(("name", "items"), [("CLAIM 2024", 44), ("TRIPOD+AI", 52)])
def test_the_tables_hold_every_item(card, name, items):
    found = rows(card, name)
    assert {len(row) for row in found} == {3}
    assert len([row for row in found if re.fullmatch(r"\d+[a-g]?", row[0])]) == items


def test_the_checklists_are_named_with_their_sources(card):
    assert "Tejani et al., Radiology: Artificial Intelligence 2024;6(4):e240300" in card
    assert "Collins et al., BMJ 2024;385:e078378" in card
    assert "<https://doi.org/10.1148/ryai.240300>" in card
    assert "<https://doi.org/10.1136/bmj-2023-078378>" in card


def test_the_sections_are_those_of_a_model_card(card):
    assert re.findall(r"^## (.*)", card, re.MULTILINE) == [
        "Model details",
        "Intended use",
        "Factors",
        "Metrics",
        "Training and evaluation data",
        "What the accuracy is made of",
        "Ethical considerations",
        "Caveats and recommendations",
        "CLAIM 2024",
        "TRIPOD+AI",
        "For the author",
    ]


def test_numbers_are_those_of_metrics_json(run, card):
    metrics = json.loads((run.folder / "evaluation" / "metrics.json").read_text())
    told = card.replace("\u00a0", " ")
    estimates = [*metrics["overall"].values()]
    estimates += [e for of in metrics["one_vs_rest"]["by_class"].values() for e in of.values()]
    for each in estimates:
        value, low, high = (f"{each[name]:.3f}" for name in ("value", "low", "high"))
        assert f"{value} (95 % {low} to {high})" in told or f"{value} (no interval)" in told


def test_findings_are_told_with_their_verdicts(card):
    assert "- fail: Is it robust? It costs 12." in card
    assert "- not measured: Is it equally good on every source?" in card
    caveats = card.split("## Caveats")[1].split("\n## ")[0]
    assert "It costs 12." in caveats
    assert "every source" not in caveats


def test_the_confounding_of_source_and_class_is_an_ethical_consideration(card):
    ethics = card.split("## Ethical considerations")[1].split("\n## ")[0]
    assert "All images of Lung Opacity come from rsna-adult" in ethics


def test_what_only_the_author_can_fill_is_listed_at_the_end(facts, card):
    tasks = re.findall(r"^- \[ \] (.*)", card, re.MULTILINE)
    expected = [f"{section}: {what}" for section, what in AUTHOR.items()]
    for checklist in (fill_claim(facts), fill_tripod(facts)):
        expected += [f"{item.number}: {item.author}" for item in checklist.for_author]
    assert tasks == expected
    assert len(re.findall(r"\*\*[Aa]uthor to fill", card)) == len(tasks) + 1  # the introduction's


def test_what_was_not_done_is_said_with_its_command(make_run):
    card = format_model_card(read_facts(make_run(done=())))
    assert "Not evaluated yet: lungscope evaluate lung" in card
    assert "Not audited yet: lungscope audit lung" in card


def test_a_training_that_is_not_finished_is_said_so_at_the_top(make_run, card):
    unfinished = format_model_card(read_facts(make_run(finished=False)))
    top = unfinished.split("\n## ")[0]
    assert "**Training is not finished: this is the model of epoch 2, the best when it" in top
    assert "lungscope train --resume lung" in top
    assert "not finished" not in card


def test_an_evaluation_of_another_model_is_said_to_be_one_without_its_numbers(make_run):
    run = make_run()
    for file in ("evaluation/metrics.json", "audit/audit.json"):
        path = run.folder / file
        path.write_text(path.read_text().replace("83ec07a5", "00000000"))
    card = format_model_card(read_facts(run))
    told = "The evaluation that is there was made of another model: lungscope evaluate lung --force"
    assert told in card
    assert "The audit that is there was made of another model: lungscope audit lung --force" in card
    assert "Accuracy (over images)" not in card
    assert "It costs 12" not in card


def test_a_temperature_at_the_end_of_its_search_is_said_to_be_so(make_run, card):
    assert "that is tried" not in card
    hot = format_model_card(read_facts(make_run(temperature=99.99999, done=("evaluation",))))
    assert hot.count("This temperature is the highest that is tried (100)") >= 2
    cold = format_model_card(read_facts(make_run(temperature=0.0100001, done=())))
    assert "This temperature is the lowest that is tried (0.01)" in cold


def test_it_says_first_and_last_that_it_is_not_for_diagnosis(card):
    assert "\n**Research software, not for diagnosis.**" in card[:200]
    assert card.endswith("Research software, not for diagnosis.\n")


def test_the_same_run_gives_the_same_bytes(run, card):
    assert format_model_card(read_facts(run)) == card


def test_hostile_names_stay_text(make_run, make_split):
    split = make_split(HOSTILE, HOSTILE, "{of}-{subset}-{number}.png")
    card = format_model_card(read_facts(make_run(split)))
    assert "<script" not in card
    assert not re.search(r"(?<!\\)\]\(", card)
    assert "**bold**" not in card
    assert re.findall(r"^# .*", card, re.MULTILINE) == ["# Model card: MobileNetV2 83ec07a5"]
    assert {len(row) for row in rows(card, "CLAIM 2024") + rows(card, "TRIPOD+AI")} == {3}
    assert r"a \| b" in card


def test_nothing_tells_where_the_files_lie(run, card):
    assert str(run.folder.parent) not in card
    assert "somebody" not in card


@pytest.mark.parametrize(
    ("normalisation", "words"),
    [
        ("training", "normalised with the training images' mean 0.5"),
        ("image", "normalised with the mean and standard deviation of the image itself."),
    ],
)
def test_the_card_says_what_grey_values_are_scaled_by(facts, normalisation, words):
    preprocessing = Preprocessing(32, 0.5, 0.25, normalisation)
    changed = replace(facts, description=replace(facts.description, preprocessing=preprocessing))
    assert words in format_model_card(changed)


def test_the_card_says_what_was_done_against_classes_of_unequal_size(facts):
    recipe = replace(facts.recipe, balance_classes=1, selection="balanced")
    assert describe_balance(facts) == "No method against imbalance was used."
    words = describe_balance(replace(facts, recipe=recipe))
    assert "How equally often classes are drawn" in words
    assert "chooses the epoch: balanced" in words


def test_the_card_names_the_score_that_chose_the_epoch(facts):
    best = max(facts.history, key=lambda epoch: epoch.validation_score)
    words = describe_selection(replace(facts, recipe=replace(facts.recipe, selection="worst-cell")))
    assert "highest validation accuracy in the worst cell of class and source" in words
    assert f"with {best.validation_score:.3f}" in words


def test_the_card_says_that_weights_are_not_torchvisions_own_file(facts):
    began = replace(facts, recipe=replace(facts.recipe, weights="imagenet"))
    assert "own file" not in describe_initial_weights(began)
    other = describe_initial_weights(replace(began, other_imagenet="0123456789"))
    assert "not torchvision's own file (SHA-256 01234567)" in other
