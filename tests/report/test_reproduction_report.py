import json

import numpy as np
import pytest
from PIL import Image

from lungscope.audit.baselines import Baseline
from lungscope.errors import LungscopeError
from lungscope.estimate import Estimate
from lungscope.evaluation.predictions import Predictions
from lungscope.models import Shape, get_architecture
from lungscope.models.cost import compute_cost
from lungscope.report.reproduction_report import write_reproduction_report
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import Reproduction, ReproductionFigure
from lungscope.reproduction.row import Problem, make_row
from lungscope.reproduction.runner import TrainedPart
from lungscope.training.history import Epoch


def trained(plan, split, strength):
    entries = split.subset("test")
    labels = np.array([entry.label for entry in entries])
    logits = np.random.default_rng(0).normal(0, 1, (len(entries), len(split.classes)))
    logits[np.arange(len(entries)), labels] += strength
    predictions = Predictions.from_logits(
        split.classes,
        tuple(entry.file for entry in entries),
        tuple(entry.group for entry in entries),
        labels,
        logits,
    )
    history = tuple(Epoch(n, 0.01, 1, 0.5, 1, a, 2.0) for n, a in enumerate((0.5, 0.7, 0.6), 1))
    return [TrainedPart(plan.parts[0], predictions, history)]


@pytest.fixture(scope="module")
def table(make_split):
    split = make_split()
    plan = Plan(("vgg11", "resnet18", "mobilenet-v2", "mobilenet-lung"))
    costs = {name: compute_cost(get_architecture(name), Shape(3)) for name in plan.models}
    rows = (
        make_row(plan, "vgg11", costs["vgg11"], [], {}, Problem("failed", "<b>out of memory")),
        make_row(plan, "resnet18", costs["resnet18"], trained(plan, split, 0.2), {}),
        make_row(plan, "mobilenet-v2", costs["mobilenet-v2"], trained(plan, split, 2.3), {}),
        make_row(plan, "mobilenet-lung", costs["mobilenet-lung"], [], {"seed-0": 4}),
    )
    pictures = (
        ReproductionFigure("figures/figure-1.png", "Figure 1. One radiograph of each class", 1),
        ReproductionFigure("figures/figure-6.png", "Figure 6. MobileNetV2", 6, "mobilenet-v2"),
        ReproductionFigure(
            "figures/figure-9.png", "Figure 9. Validation accuracy of all models", 9
        ),
    )
    border = Baseline(
        "border", "border alone", "The border.", Estimate(0.7512, 0.7, 0.8), np.ones(1, np.bool_)
    )
    made = Reproduction(plan, (split,), rows, pictures, (border,))
    return json.loads(json.dumps(made.to_json()))


@pytest.fixture(scope="module")
def figures(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reproduction")
    for each in table["pictures"]:
        (folder / each["file"]).parent.mkdir(exist_ok=True)
        Image.new("L", (80, 40)).save(folder / each["file"])
    return [(folder / each["file"], each["title"]) for each in table["pictures"]]


@pytest.fixture(scope="module")
def text(table, figures, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "reproduction.html"
    write_reproduction_report(table, figures, path)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text, page_of):
    return page_of(text)


def test_every_number_stands_beside_the_papers(page, table):
    for name in ("resnet18", "mobilenet-v2"):
        row = next(each for each in table["rows"] if each["model"] == name)
        cells = [
            f"{found['value']:.4f} {found['low']:.4f} to {found['high']:.4f} "
            f"paper {found['published']:.4f} {found['verdict']}"
            for found in (row["metrics"][m] for m in ("accuracy", "loss", "precision", "f1"))
        ]
        assert f"{row['title']} {' '.join(cells)}" in page.text


def test_how_many_accuracies_lie_where_is_counted_in_words(page, table):
    found = [each["metrics"]["accuracy"]["verdict"] for each in table["rows"] if each["metrics"]]
    assert sorted(found) == ["above", "below"]
    assert "1 above (all of our interval lies above it) 1 below (all of" in page.text


def test_what_has_no_numbers_says_why(page):
    assert "VGG11 failed – paper 0.8507" in page.text
    assert "MobileNet-Lung unfinished –" in page.text
    assert "VGG11: failed (<b>out of memory)" in page.text


def test_pictures_say_what_they_show(page):
    curves = page.of("img")[1]
    assert "the best of 3 epochs is epoch 2; the test accuracy is 0." in curves["alt"]
    assert "Lung Opacity, Normal and Viral Pneumonia" in page.of("img")[0]["alt"]


def test_it_needs_nothing_but_itself(text, page):
    places = [a.get("src") or a.get("href") for _, a in page.elements if "src" in a or "href" in a]
    assert {place for place in places if not place.startswith(("data:", "#"))} == {
        "https://arxiv.org/abs/2408.13180"
    }
    assert page.of("script") == []
    assert page.text.count("Research software, not for diagnosis.") == 3  # one is a note


def test_without_pictures_and_numbers_it_is_a_page_too(table, tmp_path, page_of):
    bare = table | {"rows": [each | {"metrics": {}, "epochs": []} for each in table["rows"]]}
    write_reproduction_report(bare, [], tmp_path / "page.html")
    page = page_of((tmp_path / "page.html").read_text())
    assert "No model has numbers" in page.text
    assert "Figures" not in page.text


def test_how_many_images_were_trained_on_is_told(page):
    told = "180 images: 60 trained on, 60 to choose the epoch by, 60 to test on."
    assert told in page.text
    assert "trained on 180" not in page.text


def test_the_subsets_of_folds_are_those_of_one(table, tmp_path, page_of):
    folds = table | {"plan": table["plan"] | {"folds": 3}}
    write_reproduction_report(folds, [], tmp_path / "page.html")
    page = page_of((tmp_path / "page.html").read_text())
    told = "180 images, each tested once in 3 folds; the first fold: 60 trained on, 60 to choose"
    assert told in page.text


def test_the_command_is_the_real_one_where_the_table_has_it(table, tmp_path, page_of):
    command = "lungscope reproduce --data 'x rays' -o again --epochs 3"
    for value, told in ((table | {"command": command}, command), (table, "lungscope reproduce ")):
        write_reproduction_report(value, [], tmp_path / "page.html")
        assert told in page_of((tmp_path / "page.html").read_text()).text


def test_a_damaged_picture_is_refused_and_the_old_page_stays(table, tmp_path):
    (tmp_path / "page.html").write_text("old")
    (tmp_path / "figure-1.png").write_text("no picture")
    with pytest.raises(LungscopeError, match=r"figure-1\.png: not a PNG"):
        write_reproduction_report(
            table, [(tmp_path / "figure-1.png", "Figure 1")], tmp_path / "page.html"
        )
    assert (tmp_path / "page.html").read_text() == "old"


def test_what_shortcuts_reach_is_told_beside_the_models(text):
    assert "without a view of the lung" in text
    assert "border alone" in text
    assert "0.7512" in text
