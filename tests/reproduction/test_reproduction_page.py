import hashlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from html_page import Page
from lungscope.audit.baselines import Baseline
from lungscope.data.cache import open_cache
from lungscope.data.split import SUBSETS, Split, SplitEntry
from lungscope.errors import LungscopeError
from lungscope.estimate import Estimate
from lungscope.evaluation.predictions import Predictions
from lungscope.models import Shape, get_architecture, list_architectures
from lungscope.models.cost import compute_cost
from lungscope.reproduction.data_arguments import DataArguments
from lungscope.reproduction.page import draw_radiographs, list_figures, write_page
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import Reproduction, ReproductionFigure
from lungscope.reproduction.row import Problem, make_row
from lungscope.reproduction.runner import TrainedPart
from lungscope.training.history import Epoch
from lungscope.training.recipes import PAPER_RECIPE

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def a_split():
    """Twenty images of each class in each subset, two per group."""
    entries = []
    for label in range(len(CLASSES)):
        for subset in SUBSETS:
            for number in range(20):
                file = f"{label}/{subset}-{number}.png"
                digest = hashlib.sha256(file.encode()).hexdigest()
                group = f"{label}-{subset}-{number // 2}"
                entries.append(SplitEntry(file, label, digest, group, subset, None))
    return Split(CLASSES, tuple(entries), "group-column", 0, "80/10/10")


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
    history = tuple(Epoch(n, 0.01, 1, 0.5, 1, a, a, 2.0) for n, a in enumerate((0.5, 0.7, 0.6), 1))
    return [TrainedPart(plan.parts[0], predictions, history)]


@pytest.fixture(scope="module")
def reproduction():
    split = a_split()
    plan = Plan(("vgg11", "resnet18", "mobilenet-v2", "mobilenet-lung"))
    costs = {name: compute_cost(get_architecture(name), Shape(3)) for name in plan.models}
    rows = (
        make_row(plan, "vgg11", costs["vgg11"], [], {}, Problem("failed", "<b>out of memory")),
        make_row(plan, "resnet18", costs["resnet18"], trained(plan, split, 0.2), {}),
        make_row(plan, "mobilenet-v2", costs["mobilenet-v2"], trained(plan, split, 2.3), {}),
        make_row(plan, "mobilenet-lung", costs["mobilenet-lung"], [], {"seed-0": 4}),
    )
    figures = (
        ReproductionFigure("figures/figure-1.png", "Figure 1. One radiograph of each class", 1),
        ReproductionFigure("figures/figure-6.png", "Figure 6. MobileNetV2", 6, "mobilenet-v2"),
        ReproductionFigure(
            "figures/figure-9.png", "Figure 9. Validation accuracy of all models", 9
        ),
    )
    border = Baseline(
        "border", "border alone", "The border.", Estimate(0.7512, 0.7, 0.8), np.ones(1, np.bool_)
    )
    return Reproduction(plan, (split,), rows, figures, (border,))


@pytest.fixture(scope="module")
def text(reproduction, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reproduction")
    for figure in reproduction.figures:
        (folder / figure.file).parent.mkdir(exist_ok=True)
        Image.new("L", (80, 40)).save(folder / figure.file)
    write_page(reproduction, folder)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def page_of(reproduction, folder):
    write_page(replace(reproduction, figures=()), folder)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_every_number_is_beside_the_papers(page, reproduction):
    for row in reproduction.rows[1:3]:
        cells = [
            f"{found.value:.4f} {found.low:.4f} to {found.high:.4f} "
            f"paper {getattr(row.published, metric):.4f} {row.verdict(metric)}"
            for metric in ("accuracy", "loss", "precision", "f1")
            for found in [row.metrics[metric].estimate]
        ]
        assert f"{row.title} {' '.join(cells)}" in page.text


def test_verdicts_on_accuracy_are_counted_and_explained(page, reproduction):
    assert sorted(row.verdict("accuracy") for row in reproduction.rows[1:3]) == ["above", "below"]
    assert "1 above (our whole interval is above it) 1 below (our whole" in page.text


def test_a_model_without_numbers_says_why(page):
    assert "VGG11 failed – paper 0.8507" in page.text
    assert "MobileNet-Lung unfinished –" in page.text
    assert "VGG11: failed (<b>out of memory)" in page.text


def test_figures_have_an_alternative_text(page):
    curves = page.of("img")[1]
    assert "The best of 3 epochs is epoch 2; test accuracy 0." in curves["alt"]
    assert "Lung Opacity, Normal and Viral Pneumonia" in page.of("img")[0]["alt"]
    assert "one line per model" in page.of("img")[2]["alt"]


def test_the_page_is_self_contained(text, page):
    places = [a.get("src") or a.get("href") for _, a in page.elements if "src" in a or "href" in a]
    assert {place for place in places if not place.startswith(("data:", "#"))} == {
        "https://arxiv.org/abs/2408.13180"
    }
    assert page.of("script") == []
    assert page.text.count("Research software, not for diagnosis.") == 3  # one is a note


def test_there_is_a_page_before_there_are_figures_and_numbers(reproduction, tmp_path):
    rows = tuple(replace(row, metrics={}, epochs=()) for row in reproduction.rows)
    page = page_of(replace(reproduction, rows=rows), tmp_path)
    assert "No model has numbers" in page.text
    assert "Figures" not in page.text


def test_the_number_of_images_in_each_subset_is_given(page):
    assert "180 images: 60 to train on, 60 to choose the epoch, 60 to test on." in page.text


def test_the_subsets_of_folds_are_those_of_the_first(reproduction, tmp_path):
    folds = replace(
        reproduction,
        plan=replace(reproduction.plan, folds=3),
        splits=(*reproduction.splits, *reproduction.splits),
    )
    expected = "180 images, each tested once in 3 folds; the first fold: 60 to train on, 60 to"
    assert expected in page_of(folds, tmp_path).text


def test_the_command_is_the_plans(reproduction, tmp_path):
    data = DataArguments(("x rays",))
    named = replace(reproduction, data=data, plan=replace(reproduction.plan, seeds=3))
    text = page_of(named, tmp_path).text
    assert "lungscope reproduce --data 'x rays' --out OUT --models vgg11," in text
    assert "--seeds 3" in text


def test_a_damaged_figure_is_refused_and_the_old_page_stays(reproduction, tmp_path):
    (tmp_path / "report.html").write_text("old")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "figure-1.png").write_text("not an image")
    with pytest.raises(LungscopeError, match=r"figure-1\.png: not a PNG"):
        write_page(reproduction, tmp_path)
    assert (tmp_path / "report.html").read_text() == "old"


def test_shortcuts_are_listed(page):
    assert "without seeing the lung" in page.text
    assert "border alone The border. 0.7512 0.7000 to 0.8000" in page.text


@pytest.fixture
def trained_figures():
    def trained_figures(plan):
        history = (Epoch(1, 0.01, 1.0, 0.5, 1.0, 0.5, 0.5, 1.0),)
        return {model: (TrainedPart(plan.parts[0], None, history),) for model in plan.models}

    return trained_figures


def test_all_models_make_the_papers_nine_figures_in_its_order_then_figures_of_their_own(
    trained_figures,
):
    plan = Plan(tuple(each.name for each in list_architectures()), PAPER_RECIPE)
    made = list_figures(plan, trained_figures(plan))
    assert [figure.number for figure in made[:9]] == list(range(1, 10))
    assert {figure.number for figure in made[9:]} == {None}
    assert len(made) == len(plan.models) + 2
    assert [figure.file for figure in made[:9]] == [f"figures/figure-{n}.png" for n in range(1, 10)]
    assert made[1].title == "Figure 2. SqueezeNet"
    assert made[7].title == "Figure 8. MobileNet-Lung"
    assert made[9].title == "SqueezeNet 1.1"


def test_a_model_keeps_the_papers_number_whatever_else_is_there(trained_figures):
    plan = Plan(("mobilenet-lung",), PAPER_RECIPE)
    assert [figure.number for figure in list_figures(plan, trained_figures(plan))] == [1, 8, 9]


def test_before_anything_is_trained_there_are_the_radiographs(trained_figures):
    assert [figure.number for figure in list_figures(Plan(("vgg11",)), {"vgg11": ()})] == [1]


def test_curves_of_a_fold_say_so(trained_figures):
    plan = Plan(("vgg11",), folds=3)
    assert "fold 1 of 3" in list_figures(plan, trained_figures(plan))[1].title


def test_one_radiograph_of_each_class_is_drawn(phantoms, phantom_split, cache_folder, tmp_path):
    cache = open_cache(phantoms, phantom_split.entries, 32, cache_folder)
    draw_radiographs(tmp_path, cache, phantom_split)
    assert (tmp_path / "figures" / "figure-1.png").read_bytes().startswith(b"\x89PNG")
