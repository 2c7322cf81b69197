import json
import platform

import pytest
from filelock import FileLock, Timeout

from lungscope.data.split import SUBSETS, Split, SplitEntry
from lungscope.errors import InvalidData, LungscopeError, NotFound
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder, versions

CLASSES = ("Lung Opacity", "Normal")
RECIPE = Recipe(model="mobilenet-v2", weights="none", size=64, seed=5)
OTHER = Recipe(model="resnet18", weights="none", size=32)


@pytest.fixture(scope="module")
def split():
    return Split(
        CLASSES,
        tuple(
            SplitEntry(
                f"{subset}/{label}.png", label, f"{subset} {label}", f"{subset} {label}", subset
            )
            for subset in SUBSETS
            for label in range(2)
        ),
        grouped_by="group-column",
        seed=0,
        description="by hand",
    )


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def run(tmp_path, split, data):
    return RunFolder.create(tmp_path / "runs" / "one", RECIPE, split, data, force=False)


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_new_run_holds_its_recipe_its_split_and_the_facts(run, split, data):
    assert sorted(content(run.folder)) == ["recipe.json", "run.json", "split.json"]
    assert run.recipe == RECIPE
    assert run.split == split
    assert run.facts["data"] == str(data.resolve())
    assert run.facts["finished"] is False
    assert run.facts["versions"] == versions()
    assert not run.last.exists()
    assert not run.checkpoint.exists()


def test_a_run_is_opened_as_it_was_made(run):
    assert RunFolder.open(run.folder) == run
    assert RunFolder.open(run.folder).recipe == RECIPE


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_a_run_is_not_opened(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(LungscopeError, match=r"not a run folder \(no recipe\.json\)"):
        RunFolder.open(tmp_path / name)


def test_an_empty_folder_becomes_a_run(tmp_path, split, data):
    (tmp_path / "empty").mkdir()
    assert RunFolder.create(tmp_path / "empty", RECIPE, split, data, force=False).recipe == RECIPE


def test_a_run_that_is_there_is_kept_without_force(run, split, data):
    run.last.write_bytes(b"an epoch's work")
    before = content(run.folder)
    with pytest.raises(
        LungscopeError,
        match=r"Run\.resume\(\), replace it with force=True",
    ):
        RunFolder.create(run.folder, OTHER, split, data, force=False)
    assert content(run.folder) == before


def test_with_force_a_run_is_replaced_and_nothing_of_it_is_left(run, split, data):
    run.last.write_bytes(b"weights")
    run.figures.mkdir()
    (run.figures / "learning-curves.png").write_bytes(b"curves")
    run.note(finished=True)
    again = RunFolder.create(run.folder, OTHER, split, data, force=True)
    assert again.recipe == OTHER
    assert again.facts["finished"] is False
    assert sorted(content(run.folder)) == ["recipe.json", "run.json", "split.json"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "files",
    [
        ["thesis.txt"],
        ["thesis.txt", "recipe.json"],  # a recipe of one's own, for --recipe
        ["thesis.txt", "recipe.json", "split.json"],
        [".hidden"],
    ],
)
def test_a_folder_that_is_no_run_is_never_removed(tmp_path, split, data, force, files):
    for name in files:
        (data / name).write_text("{}")
    folder = data
    with pytest.raises(LungscopeError, match="not empty and not a run; give another folder"):
        RunFolder.create(folder, RECIPE, split, tmp_path, force=force)
    assert content(folder) == dict.fromkeys(files, b"{}")


@pytest.mark.parametrize("force", [False, True])
def test_a_file_in_the_place_of_the_folder_is_never_removed(tmp_path, split, data, force):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(LungscopeError, match="not a run"):
        RunFolder.create(tmp_path / "file", RECIPE, split, data, force=force)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_with_the_data_in_it_is_not_removed_with_force(run, split):
    (run.folder / "xrays").mkdir()
    (run.folder / "xrays" / "1.png").write_bytes(b"image")
    with pytest.raises(LungscopeError, match="holds the data as well as a run"):
        RunFolder.create(run.folder, RECIPE, split, run.folder / "xrays", force=True)
    assert (run.folder / "xrays" / "1.png").exists()


def test_a_recipe_of_an_unknown_model_does_not_cost_the_run_that_is_there(run, split, data):
    before = content(run.folder)
    with pytest.raises(LungscopeError, match="model 'resnet99' is unknown"):
        RunFolder.create(run.folder, Recipe(model="resnet99"), split, data, force=True)
    assert content(run.folder) == before


def test_facts_are_added_to_those_known(run):
    run.note(finished=True, seconds=12.5)
    assert run.facts["finished"] is True
    assert run.facts["seconds"] == 12.5
    assert "data" in run.facts


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (b"", "not JSON"),
        (b'{"data": "x', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"5", "does not name the data"),
        (b"null", "does not name the data"),
        (b'[["data", "x"]]', "does not name the data"),
        (b"{}", "does not name the data"),
        (b'{"data": 5}', "does not name the data"),
    ],
    ids=range(9),
)
def test_corrupt_facts_are_refused_in_one_line(run, damage, message):
    (run.folder / "run.json").write_bytes(damage)
    with pytest.raises(LungscopeError, match=message) as refusal:
        _ = run.facts
    assert str(refusal.value).startswith(str(run.folder / "run.json"))
    assert "\n" not in str(refusal.value)
    with pytest.raises(LungscopeError):
        run.note(finished=True)  # rather than write over what cannot be read
    assert (run.folder / "run.json").read_bytes() == damage


def test_facts_that_are_not_there_are_refused(run):
    (run.folder / "run.json").unlink()
    with pytest.raises(LungscopeError, match="No such file"):
        _ = run.facts


def test_the_versions_name_everything_that_decides_the_numbers():
    found = versions()
    assert found["python"] == platform.python_version()
    assert found.keys() == {
        "python", "lungscope", "torch", "torchvision", "lightning", "numpy", "pillow"
    }  # fmt: skip
    assert json.loads(json.dumps(found)) == found


def test_a_run_that_has_trained_nothing_makes_room_without_force(run, split, data):
    assert RunFolder.create(run.folder, OTHER, split, data, force=False).recipe == OTHER


def test_a_finished_run_without_its_last_epoch_is_kept_without_force(run, split, data):
    run.checkpoint.mkdir()  # last.ckpt is large, and nobody goes on from it
    with pytest.raises(LungscopeError, match="holds a run"):
        RunFolder.create(run.folder, OTHER, split, data, force=False)


@pytest.mark.parametrize("name", ["recipe.json", "split.json", "run.json"])
def test_a_run_that_lost_a_file_is_replaced_with_force(run, split, data, name):
    run.history.write_text("")
    run.last.write_bytes(b"weights")
    (run.folder / name).unlink()
    assert RunFolder.create(run.folder, OTHER, split, data, force=True).recipe == OTHER
    assert not run.last.exists()


def test_what_cannot_be_written_costs_no_run_that_is_there(run, split, data, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = content(run.folder)
    monkeypatch.setattr(Split, "save", full)
    with pytest.raises(LungscopeError, match="No space left"):
        RunFolder.create(run.folder, OTHER, split, data, force=True)
    assert run.recipe == RECIPE
    assert before.items() <= content(run.folder).items()


def test_a_wait_for_another_lock_is_not_taken_for_another_training(run, tmp_path):
    with FileLock(tmp_path / "lock"), pytest.raises(Timeout), run.alone():
        FileLock(tmp_path / "lock").acquire(blocking=False)


def test_a_run_that_is_being_trained_is_never_replaced(run, split, data):
    with run.alone(), pytest.raises(LungscopeError, match="another process"):
        RunFolder.create(run.folder, OTHER, split, data, force=True)
    assert run.recipe == RECIPE


def test_a_run_of_lungscope_0_1_is_refused_with_what_to_do(run):
    facts = json.loads((run.folder / "run.json").read_text())
    del facts["version"]  # which 0.1 did not write
    (run.folder / "run.json").write_text(json.dumps(facts))
    with pytest.raises(InvalidData, match=r"lungscope 0\.1; train it again"):
        RunFolder.open(run.folder)


def test_a_run_is_printed_with_its_model_and_whether_it_is_trained(run, tmp_path):
    assert repr(run) == f"RunFolder({str(run.folder)!r}: {RECIPE.model}, not trained)"
    run.checkpoint.mkdir()
    assert repr(run).endswith(", trained)")
    assert repr(RunFolder(tmp_path / "nowhere")).endswith("nowhere': not a run)")


def test_a_folder_may_be_given_as_text(tmp_path, split, data):
    made = RunFolder.create(str(tmp_path / "text"), RECIPE, split, data, force=False)
    assert RunFolder.open(str(tmp_path / "text")) == made


@pytest.fixture
def trained(run):
    """A run with an epoch."""
    run.last.write_bytes(b"weights")
    run.history.write_text("")
    return run


@pytest.mark.parametrize("failure", [LungscopeError, KeyboardInterrupt, RuntimeError])
def test_a_run_takes_its_place_again_if_the_one_that_replaced_it_trains_nothing(
    trained, split, data, failure
):
    again = RunFolder.create(trained.folder, OTHER, split, data, force=True)
    with pytest.raises(failure), again.removed_if_nothing_trained():
        raise failure
    assert (trained.recipe, trained.last.read_bytes()) == (RECIPE, b"weights")
    assert [path.name for path in trained.folder.parent.iterdir()] == [trained.folder.name]


def test_a_run_is_kept_through_several_trainings_that_are_killed_at_their_start(
    trained, split, data
):
    RunFolder.create(trained.folder, OTHER, split, data, force=True)
    again = RunFolder.create(trained.folder, OTHER, split, data, force=True)
    assert RunFolder(again.replaced).last.read_bytes() == b"weights"
    again.last.write_bytes(b"of another")
    RunFolder.create(again.folder, RECIPE, split, data, force=True)
    assert RunFolder(again.replaced).last.read_bytes() == b"of another"


def test_a_run_that_was_replaced_is_removed_for_good_on_demand(trained, split, data):
    again = RunFolder.create(trained.folder, OTHER, split, data, force=True)
    again.remove_replaced()
    assert [path.name for path in trained.folder.parent.iterdir()] == [trained.folder.name]


def test_a_run_without_a_checkpoint_says_how_far_it_is(run):
    with pytest.raises(NotFound, match="has trained no epoch yet; continue it"):
        run.require_checkpoint()
    run.last.write_bytes(b"weights")
    with pytest.raises(NotFound, match="is not trained to the end; continue it"):
        run.require_checkpoint()


def test_a_run_knows_whether_its_imagenet_weights_are_torchvisions_own(run):
    assert run.other_imagenet is None  # not recorded
    run.note(imagenet_sha256="b0353104" + 56 * "0")
    assert run.other_imagenet is None
    run.note(imagenet_sha256="0123456789")
    assert run.other_imagenet == "0123456789"
