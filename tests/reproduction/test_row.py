import json
from dataclasses import replace

import pytest

from lungscope.estimate import Estimate
from lungscope.models import Shape, list_architectures
from lungscope.models.cost import Cost, compute_cost
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.row import TABLE_1, Problem, compare_with_paper, make_row
from lungscope.reproduction.runner import read_trained

COST = Cost(3_504_872, 2_227_715, 3843, 0, 300_000_000)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.80, 0.90, "inside"),
        (0.85, 0.90, "inside"),
        (0.80, 0.85, "inside"),
        (0.86, 0.90, "above"),
        (0.70, 0.84, "below"),
    ],
)
def test_the_verdict_says_where_our_interval_lies(low, high, expected):
    assert compare_with_paper(Estimate(0.85, low, high), 0.85) == expected


@pytest.fixture
def made(planned, finish, small):
    def made(model="mobilenet-v2", seeds=1, done=1, **row_options):
        plan = Plan((model,), small, seeds=seeds)
        jobs = planned(plan)
        for job in jobs[:done]:
            finish(job)
        epochs = {job.part.name: len(job.history) for job in jobs}
        trained = [read_trained(job) for job in jobs[:done]]
        return make_row(plan, model, COST, trained, epochs, **row_options)

    return made


def test_a_complete_row_has_the_numbers_and_the_papers(made):
    own = made()
    assert own.state == "complete"
    assert own.parts == ("seed-0",)
    assert (own.epochs, own.best_epochs, own.seconds) == ((2,), (2,), (4.0,))
    assert own.published.accuracy == 0.8853
    assert own.metrics["accuracy"].deviation is None
    recall, accuracy = (vars(own.metrics[name].estimate) for name in ("recall", "accuracy"))
    assert recall == pytest.approx(accuracy)
    assert own.verdict("loss") == compare_with_paper(own.metrics["loss"].estimate, 0.3033)


def test_several_seeds_are_of_the_same_images(made):
    one, three = made(), made(seeds=3, done=3)
    assert (three.images, three.groups) == (one.images, one.groups)
    assert len(three.metrics["accuracy"].each) == 3


def test_a_model_that_is_not_in_the_paper_has_no_verdict(made):
    own = made("squeezenet1_1")
    assert own.published is None
    assert own.verdict("accuracy") is None
    assert own.to_json()["metrics"]["accuracy"]["published"] is None


def test_test_images_of_one_group_have_no_interval_and_no_verdict(made):
    assert replace(made(), groups=1).verdict("accuracy") is None


def test_without_a_training_a_row_is_not_started(made):
    own = made(done=0)
    assert (own.state, own.reason, own.metrics, own.pending) == ("not-started", None, {}, True)
    assert own.describe_state() == "not started"
    assert own.verdict("accuracy") is None


def test_a_row_with_some_of_its_seeds_says_how_many(made):
    own = made(seeds=3, done=2)
    assert (own.state, own.reason) == ("unfinished", None)
    assert own.describe_state() == "unfinished (2 of 3 trainings done)"
    assert own.pending


def test_a_row_names_the_epochs_of_a_training_that_was_interrupted(small):
    plan = Plan(("mobilenet-v2",), small, seeds=2)
    own = make_row(plan, "mobilenet-v2", COST, [], {"seed-0": 0, "seed-1": 1})
    assert own.state == "unfinished"
    assert own.to_json()["trainings"] == {"done": (), "begun": {"seed-1": 1}, "wanted": 2}
    assert own.describe_state() == "unfinished (0 of 2 trainings done; seed 1: 1 epoch so far)"


def test_a_problem_is_described_with_the_trainings_that_are_done(made):
    problem = Problem("failed", "the training loss became nan in epoch 3")
    assert made(done=0, problem=problem).reason == problem.reason
    assert made(done=0, seeds=3, problem=problem).reason == problem.reason
    assert made(problem=problem).state == "complete"
    own = made(seeds=3, done=2, problem=problem)
    assert (own.state, own.pending) == ("failed", False)
    assert own.reason == problem.reason
    assert own.describe_state() == f"failed (2 of 3 trainings done; {problem.reason})"
    assert own.metrics


def test_the_json_holds_codes(made):
    problem = Problem("weights-unavailable", "no network")
    value = made(done=0, problem=problem).to_json()
    assert (value["state"], value["reason"]) == ("weights-unavailable", "no network")
    assert made().to_json()["metrics"]["accuracy"]["verdict"] in {"inside", "above", "below"}


def test_the_json_holds_no_times(made):
    text = json.dumps(made().to_json(), allow_nan=False)
    assert "second" not in text


def test_the_papers_models_are_registered_in_the_papers_order():
    assert [each.name for each in list_architectures()][: len(TABLE_1)] == list(TABLE_1)


def test_weighted_recall_is_accuracy_in_every_row():
    assert all(row.recall == row.accuracy for row in TABLE_1.values())


def test_the_best_row_is_the_papers_own_model():
    assert max(TABLE_1, key=lambda name: TABLE_1[name].accuracy) == "mobilenet-lung"
    assert min(TABLE_1, key=lambda name: TABLE_1[name].loss) == "mobilenet-lung"
    assert TABLE_1["mobilenet-lung"].accuracy == 0.9333


def test_our_originals_have_the_papers_numbers_of_parameters():
    for each in list_architectures():
        published = TABLE_1[each.name].parameters if each.name in TABLE_1 else None
        if published is not None:
            own = compute_cost(each, Shape(3)).original_parameters / 1e6
            assert own == pytest.approx(published, rel=0.005)


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        TABLE_1["mobilenet-lung"] = TABLE_1["vgg11"]
