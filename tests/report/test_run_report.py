import json
import re
from dataclasses import replace

import pytest

from lungscope.errors import InvalidData, LungscopeError
from lungscope.evaluation.metrics import METRICS
from lungscope.inference.description import Description
from lungscope.report.facts import read_facts
from lungscope.report.run_report import format_report, write_report
from lungscope.training.recipe import Recipe

HOSTILE = ('<script>alert("1")</script>', "</title><b>bold", "'\"><img src=x onerror=alert(1)>")


@pytest.fixture(scope="module")
def text(run):
    return format_report(read_facts(run))


@pytest.fixture(scope="module")
def page(text, page_of):
    return page_of(text)


@pytest.fixture(scope="module")
def metrics(run):
    return json.loads((run.folder / "evaluation" / "metrics.json").read_text())


def shown(estimate):
    value, low, high = (f"{estimate[name]:.3f}" for name in ("value", "low", "high"))
    same = estimate["low"] == estimate["high"]
    return f"{value} no interval" if same else f"{value} {low} to {high}"


def test_the_headline_is_the_accuracy_with_its_interval(page, metrics):
    found = metrics["overall"]["accuracy"]
    assert (
        f"{found['value']:.3f} accuracy, 95 % interval {found['low']:.3f} to {found['high']:.3f}"
        in page.text
    )


def test_the_baselines_stand_beside_it(page):
    above = page.text.split("Data and split")[0]
    assert "this model" in above
    assert "32 x 32 thumbnail 0.612 0.562 to 0.662" in above
    assert "border alone 0.532" in above


def test_the_verdicts_are_counted_in_words(page):
    assert "1 fail 1 warn 1 pass 1 not measured" in page.text


def test_every_overall_metric_is_that_of_metrics_json_and_names_its_average(page, metrics):
    titles = {
        "accuracy": "accuracy",
        "loss": "loss (nats)",
        "precision_weighted": "precision (weighted)",
        "recall_weighted": "recall (weighted)",
        "f1_weighted": "F1 (weighted)",
        "precision_macro": "precision (macro)",
        "recall_macro": "recall (macro)",
        "f1_macro": "F1 (macro)",
    }
    assert set(titles) <= set(metrics["overall"])
    for name, estimate in metrics["overall"].items():
        title = titles.get(name) or METRICS[name].label
        assert f"{title} {shown(estimate)}" in page.text


def test_every_metric_of_every_class_is_that_of_metrics_json(page, metrics):
    titles = ("sensitivity", "specificity", "ppv", "npv", "auroc", "auprc")
    for metric in titles:
        row = [shown(of[metric]) for of in metrics["one_vs_rest"]["by_class"].values()]
        row.append(shown(metrics["one_vs_rest"]["macro"][metric]))
        title = metric if len(metric) > 5 else metric.upper()
        assert f"{title} {' '.join(row)}" in page.text
    each = [shown(of["f1"]) for of in metrics["by_class"].values()]
    assert f"F1 {' '.join(each)} {shown(metrics['overall']['f1_macro'])}" in page.text
    prevalence = [f"{share:.3f}" for share in metrics["one_vs_rest"]["prevalence"].values()]
    assert f"prevalence {' '.join(prevalence)}" in page.text


def test_the_confusion_matrix_is_that_of_metrics_json(page, metrics):
    for name, row in zip(
        metrics["confusion"]["classes"], metrics["confusion"]["counts"], strict=True
    ):
        assert f"{name} {' '.join(map(str, row))}" in page.text


def test_calibration_and_thresholds_are_those_of_metrics_json(page, metrics):
    before, after = (metrics["calibration"][name] for name in ("uncalibrated", "calibrated"))
    for name in before:
        assert f"{shown(before[name])} {shown(after[name])}" in page.text
    for each in metrics["selective"]["answering"]:
        found = each["found"]
        row = f"{found['threshold']:.3f} {shown(found['coverage'])} {shown(found['accuracy'])}"
        assert f"{each['wanted']} {row}" in page.text
    for point in metrics["operating_points"]["points"]:
        row = " ".join(shown(point[name]) for name in ("sensitivity", "specificity", "ppv", "npv"))
        assert f"{point['of']} {point['threshold']:.3f} {row}" in page.text


def test_the_data_is_counted_by_class_subset_and_source(page):
    assert "Lung Opacity 20 20 20 60" in page.text
    assert "all classes 60 60 60 180" in page.text
    assert "groups 30 30 30 90" in page.text
    assert "class guangzhou-paediatric rsna-adult Lung Opacity 0 60 Normal 0 60" in page.text


def test_classes_of_a_single_source_are_named(page):
    assert "All images of Lung Opacity come from rsna-adult" in page.text


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (("rsna", "rsna", "rsna"), "All images come from one source (rsna)."),
        (("a", None, "b"), "all images of Viral Pneumonia come from b"),
        ((None, None, None), "Whether class and source go together is unknown"),
    ],
)
def test_it_is_said_whether_sources_go_with_classes(make_run, make_split, page_of, sources, told):
    page = page_of(format_report(read_facts(make_run(make_split(sources=sources), done=()))))
    assert told in page.text
    assert "No class" not in page.text


def test_classes_of_several_sources_are_said_to_be_so(make_run, make_split, page_of):
    split = make_split(sources=("a", "a", "a"))
    for second, told in (("b", "No class comes"), (None, "No class is known to come")):
        entries = [
            replace(each, source=second) if number % 2 else each
            for number, each in enumerate(split.entries)
        ]
        run = make_run(replace(split, entries=tuple(entries)), done=())
        assert f"{told} from a single source." in page_of(format_report(read_facts(run))).text


def test_what_is_not_known_of_a_source_has_one_word(make_run, make_split, page_of):
    page = page_of(format_report(read_facts(make_run(make_split(sources=("a", None, None))))))
    assert "class a unknown Lung Opacity 60 0 Normal 0 60" in page.text
    assert re.search(r"test-\d+\.png unknown ", page.text)  # a misclassified image
    assert "recorded" not in page.text


def test_one_epoch_is_one(make_run, page_of):
    page = page_of(format_report(read_facts(make_run(accuracies=(0.5,), done=()))))
    assert "One epoch was trained (1 min 1 s) and kept, with a validation accuracy of 0.500" in (
        page.text
    )
    assert "1 epochs" not in page.text
    assert "of 1 epoch," in page.of("img")[0]["alt"]


def test_the_epoch_of_the_checkpoint_is_told_where_training_went_on_since(make_run, page_of):
    run = make_run(done=(), finished=False)
    description = Description.load(run.checkpoint / "model.json")
    replace(description, metrics={"epoch": 1.0}).save(run.checkpoint / "model.json")
    page = page_of(format_report(read_facts(run)))
    assert "Epoch 1 was kept when training last stopped" in page.text
    assert "it went on to epoch 3" in page.text


def test_a_training_that_is_not_finished_is_said_so_above_the_numbers(make_run, page_of, page):
    unfinished = page_of(format_report(read_facts(make_run(finished=False))))
    above = unfinished.text.split("accuracy, 95 %")[0]
    assert "Training is not finished: this is the model of epoch 2" in above
    assert "lungscope train --resume lung" in above
    assert "not finished" not in page.text


def test_a_temperature_at_the_end_of_its_search_is_said_to_be_so(make_run, page_of, page):
    hot = page_of(format_report(read_facts(make_run(temperature=100.0))))
    assert "It changes no predicted class. This temperature is the highest" in hot.text
    assert "that is tried" not in page.text


def test_a_rate_of_no_image_is_a_dash(make_run, page_of):
    run = make_run()
    path = run.folder / "evaluation" / "metrics.json"
    value = json.loads(path.read_text())
    point = value["operating_points"]["points"][1]
    path.write_text(json.dumps(value).replace(json.dumps(point), json.dumps(point | {"ppv": None})))
    page = page_of(format_report(read_facts(run)))
    row = " ".join(shown(point[name]) for name in ("sensitivity", "specificity"))
    assert f"Normal {point['threshold']:.3f} {row} – {shown(point['npv'])}" in page.text


def test_the_training_is_told_with_best_epoch_and_time(page):
    assert "Of 3 epochs (3 min 3 s)" in page.text
    assert "epoch 2, with 0.750" in page.text


def test_every_field_of_the_recipe_is_there_and_departures_are_marked(make_run, page_of, tmp_path):
    weights = tmp_path / "secret" / "start.pt"
    weights.parent.mkdir()
    weights.touch()
    recipe = Recipe(model="mobilenet-v2", rotation=0, seed=7, weights=str(weights))
    page = page_of(format_report(read_facts(make_run(recipe=recipe, done=()))))
    assert "Maximum rotation, degrees 0 ≠ 10" in page.text
    assert "Initial weights start.pt ≠ imagenet" in page.text
    assert "Architecture mobilenet-v2 any of seven" in page.text
    assert "Seed of new weights, image order, augmentation and dropout 7 names none" in page.text
    assert "secret" not in page.text
    assert page.text.count("≠") == 1 + 2  # the caption's and two


def test_findings_are_listed_with_thresholds_the_most_severe_first(page):
    told = page.text.split("Findings, the most severe first")[1]
    order = [told.index(word) for word in ("fail Is", "warn How", "pass Was", "not measured")]
    assert order == sorted(order)
    assert told.count("Warns seldom.") == 4


def test_the_worst_misclassified_images_are_named(page):
    caption = "The misclassified images of the largest loss, the worst first."
    listed = page.text.split(caption)[-1]
    assert re.search(r"\d/test-\d+\.png (rsna-adult|guangzhou-paediatric) ", listed)


def test_every_picture_is_inside_and_says_what_it_shows(page):
    figures = page.of("img")
    assert len(figures) == 13
    for picture in figures:
        assert picture["src"].startswith("data:image/png;base64,")
        assert len(picture["alt"]) > 40
    with_numbers = [picture for picture in figures if re.search(r"\d", picture["alt"])]
    assert len(with_numbers) == 12  # one shows radiographs alone


def test_the_page_needs_nothing_but_itself(text, page):
    assert page.of("script") == []
    assert "url(" not in text
    assert "@import" not in text
    places = [a.get("src") or a.get("href") for _, a in page.elements if "src" in a or "href" in a]
    outside = {place for place in places if not place.startswith(("data:", "#"))}
    assert outside == {"https://arxiv.org/abs/2408.13180"}
    assert not any(name.startswith("on") for _, a in page.elements for name in a)


def test_a_strict_policy_forbids_the_rest(page):
    policies = [a["content"] for a in page.of("meta") if "http-equiv" in a]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_nothing_tells_where_the_files_lie_or_when_it_was_made(run, text):
    assert str(run.folder.parent) not in text
    assert "somebody" not in text
    assert not re.search(r"20\d\d-\d\d-\d\d", text)


def test_it_says_twice_that_it_is_not_for_diagnosis(page):
    assert page.text.startswith("MobileNetV2 83ec07a5 Research software, not for diagnosis.")
    assert page.text.endswith("Research software, not for diagnosis.")


def test_the_same_run_gives_the_same_bytes(run, text):
    assert format_report(read_facts(run)) == text


def test_the_commands_name_folders_alone(page):
    assert (
        "lungscope train --data 'x rays' -o again \\ --split lung/split.json --recipe "
        "lung/recipe.json lungscope evaluate again"
    ) in page.text


def test_what_is_missing_is_said_with_its_command(make_run, page_of):
    page = page_of(format_report(read_facts(make_run(done=()))))
    assert page.text.count("lungscope evaluate lung") == 3
    assert page.text.count("lungscope audit lung") == 2
    assert len(page.of("img")) == 1
    page = page_of(format_report(read_facts(make_run(done=("audit",)))))
    assert "32 x 32 thumbnail 0.612" in page.text
    assert "classifier accuracy 32 x 32 thumbnail" in page.text


@pytest.mark.parametrize("figure", ["audit/figures/sources.png", "evaluation/figures/roc.png"])
def test_a_picture_may_be_missing(make_run, page_of, figure):
    run = make_run()
    (run.folder / figure).unlink()
    assert len(page_of(format_report(read_facts(run))).of("img")) == 12


def test_hostile_names_stay_text(make_run, make_split, page_of):
    text = format_report(
        read_facts(
            make_run(make_split(HOSTILE, HOSTILE, "{of}-{subset}-{number}<b>.png"), name="<i>run")
        )
    )
    page = page_of(text)  # no tag is opened or closed by a name
    assert page.of("script") == []
    assert all(picture["src"].startswith("data:image/png;base64,") for picture in page.of("img"))
    for name in (*HOSTILE, "<i>run", "<b>.png"):
        assert name in page.text


def test_the_audit_is_shown_with_its_own_figures_and_captions_in_its_order(page):
    shown = [picture["alt"] for picture in page.of("img")][-7:]
    names = (
        *("accuracies", "sources", "robustness", "severities"),
        *("faithfulness", "randomisation", "misclassifications"),
    )
    assert shown == [f"What the figure {name} shows, with the number 12." for name in names]
    for name in names:
        assert f"Caption of {name}." in page.text


def test_an_audit_of_other_than_the_splits_images_is_refused(make_run):
    run = make_run()
    path = run.audit / "audit.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"images": 61}))
    with pytest.raises(InvalidData, match=r"is about 61 test images, .* has 60; write it again"):
        read_facts(run)


@pytest.fixture
def changed(make_run):
    """A run of which top-level fields of both results were changed."""

    def changed(**fields):
        run = make_run()
        for file in ("evaluation/metrics.json", "audit/audit.json"):
            path = run.folder / file
            path.write_text(json.dumps(json.loads(path.read_text()) | fields))
        return run

    return changed


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"weights_sha256": "0" * 64}, "that is there was made of another model"),
        ({"weights_sha256": ""}, "that is there does not say of which model it was made"),
        ({"subset": "train"}, "that is there is of train images, not of held-out ones"),
        ({"subset": "validation"}, "that is there is of validation images"),
    ],
)
def test_numbers_of_another_model_or_of_other_than_test_images_are_never_shown(
    changed, page_of, fields, why
):
    facts = read_facts(changed(**fields))
    page = page_of(format_report(facts))
    assert (facts.measured, facts.audit) == (None, None)
    assert f"The evaluation {why}" in page.text
    assert f"The audit {why}" in page.text
    assert page.text.count("lungscope evaluate lung --force") == 3
    assert page.text.count("lungscope audit lung --force") == 2
    assert len(page.of("img")) == 1  # the learning curves
    assert "thumbnail" not in page.text


def test_results_of_before_they_named_their_model_are_not_shown_either(make_run):
    run = make_run(done=("evaluation",))
    path = run.folder / "evaluation" / "metrics.json"
    value = json.loads(path.read_text())
    del value["weights_sha256"]
    path.write_text(json.dumps(value))
    assert set(read_facts(run).left_out) == {"evaluate"}


def test_a_checkpoint_of_another_model_than_the_recipes_is_refused(make_run):
    run = make_run(done=())
    model = run.checkpoint / "model.json"
    model.write_text(model.read_text().replace('"mobilenet-v2"', '"resnet18"'))
    with pytest.raises(LungscopeError, match=r"is of resnet18, but recipe\.json says mobilenet-v2"):
        read_facts(run)


def test_metrics_of_another_split_are_refused(make_run):
    run = make_run()
    metrics = run.folder / "evaluation" / "metrics.json"
    value = json.loads(metrics.read_text())
    value["confusion"]["classes"] = ["a", "b", "c"]
    for part in (value["by_class"], value["one_vs_rest"]["by_class"]):
        for new, old in zip("abc", list(part), strict=True):
            part[new] = part.pop(old)
    prevalence = value["one_vs_rest"]["prevalence"]
    value["one_vs_rest"]["prevalence"] = dict(zip("abc", prevalence.values(), strict=True))
    metrics.write_text(json.dumps(value))
    with pytest.raises(LungscopeError, match=r"write it again with Run\.evaluate"):
        read_facts(run)


def test_metrics_of_another_number_of_images_are_refused(make_run):
    run = make_run(done=("evaluation",))
    metrics = run.folder / "evaluation" / "metrics.json"
    value = json.loads(metrics.read_text())
    value["images"] = 61
    value["confusion"]["counts"][0][0] += 1
    metrics.write_text(json.dumps(value))
    with pytest.raises(InvalidData, match=r"is about 61 test images .* has 60 of 3"):
        read_facts(run)


def test_a_run_that_is_not_trained_to_the_end_is_refused(make_run):
    run = make_run(done=())
    (run.checkpoint / "model.json").unlink()
    run.checkpoint.rmdir()
    with pytest.raises(LungscopeError, match=r"continue it with Run\.resume"):
        read_facts(run)


def test_weights_without_a_sha256_are_refused(make_run):
    run = make_run(done=())
    model = run.checkpoint / "model.json"
    model.write_text(model.read_text().replace("83ec07a5", '}</style>"'))
    with pytest.raises(LungscopeError):
        read_facts(run)


def test_of_one_group_a_mean_has_no_interval_and_a_share_has_one(make_run, make_split, page_of):
    split = make_split()
    one = [
        replace(entry, group="one") if entry.subset == "test" else entry for entry in split.entries
    ]
    run = make_run(replace(split, entries=tuple(one)), done=("evaluation",))
    page = page_of(format_report(read_facts(run)))
    assert re.search(r"accuracy, 95 % interval 0\.\d+ to 0\.\d+", page.text)
    assert re.search(r"Loss 0\.\d+ \(no interval\) nats", page.text)
    assert "60 test images in 1 group, " in page.text


@pytest.fixture
def changing(make_run):
    return make_run(done=())


def test_page_and_card_are_redrawn_in_the_run(changing):
    first = write_report(changing)
    assert first.page == changing.folder / "report.html"
    assert first.card == changing.folder / "model_card.md"
    page = first.page.read_bytes()
    first.page.write_text("old")
    assert write_report(changing, changing.folder).page.read_bytes() == page


def test_results_that_are_not_on_it_are_told(make_run):
    run = make_run(done=("evaluation",))
    assert write_report(run).left_out == {}
    metrics = run.folder / "evaluation" / "metrics.json"
    metrics.write_text(metrics.read_text().replace('"test"', '"train"'))
    reason = "The evaluation that is there is of train images, not of held-out ones"
    assert write_report(run).left_out == {"evaluate": reason}


def test_another_folder_is_made(changing, tmp_path):
    written = write_report(changing, tmp_path / "new" / "report")
    assert written.page.parent == tmp_path / "new" / "report"
    assert sorted(path.name for path in written.page.parent.iterdir()) == [
        "model_card.md",
        "report.html",
    ]
    assert not (changing.folder / "report.html").exists()


def test_a_report_elsewhere_is_replaced_only_if_asked(changing, tmp_path):
    write_report(changing, tmp_path / "report")
    with pytest.raises(LungscopeError, match="force=True"):
        write_report(changing, tmp_path / "report")
    write_report(changing, tmp_path / "report", force=True)


def test_a_folder_with_something_else_is_refused(changing, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(LungscopeError, match=r"thesis\.tex"):
        write_report(changing, tmp_path, force=True)


def test_a_damaged_artefact_leaves_the_old_report(changing):
    written = write_report(changing)
    page, card = written.page.read_bytes(), written.card.read_bytes()
    (changing.folder / "evaluation").mkdir()
    (changing.folder / "evaluation" / "metrics.json").write_text("{}")
    with pytest.raises(LungscopeError, match=r"metrics\.json: damaged"):
        write_report(changing)
    assert (written.page.read_bytes(), written.card.read_bytes()) == (page, card)
