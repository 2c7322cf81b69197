import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from lungscope.cli.app import app
from lungscope.data.index import Index
from lungscope.data.split import Split

run = CliRunner().invoke


@pytest.fixture
def copy(phantoms, tmp_path):
    """A copy of the phantoms that a test may spoil."""
    return shutil.copytree(phantoms, tmp_path / "copy")


def test_check_answers_a_program_in_json(phantoms):
    result = run(app, ["data", "check", str(phantoms), "--json"])
    found = json.loads(result.stdout)
    assert found["images"] == {"Lung Opacity": 20, "Normal": 20, "Viral Pneumonia": 20}
    assert found["sizes"]["Normal"] == {"64 x 64": 20}


def test_check_fails_with_1_on_a_file_that_cannot_be_read(copy):
    (copy / "Normal" / "Normal-0001.png").write_bytes(b"")
    result = run(app, ["data", "check", str(copy)])
    assert result.exit_code == 1
    assert "Normal-0001.png" in result.stdout
    assert "Failed: 1 error, 0 warnings" in result.stdout


def test_check_fails_on_one_picture_under_two_classes(copy):
    shutil.copy(
        copy / "Normal" / "Normal-0001.png", copy / "Lung_Opacity" / "Lung_Opacity-0001.png"
    )
    result = run(app, ["data", "check", str(copy)])
    assert result.exit_code == 1
    assert "two classes" in result.stdout


def test_check_warns_of_a_class_with_another_resolution(tmp_path):
    rng = np.random.default_rng(0)
    for name, subset in (("Normal", 64), ("Sick", 96)):
        (tmp_path / name).mkdir()
        for k in range(5):
            pixels = rng.integers(0, 256, (subset, subset), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{k}.png")
    result = run(app, ["data", "check", str(tmp_path), "--json"])
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert "class-by-property" in {issue["code"] for issue in found["issues"]}
    assert max(rule["auroc"] for rule in found["properties"]) == 1


def test_check_draws_a_contact_sheet(phantoms, tmp_path):
    sheet = tmp_path / "sheet.png"
    run(app, ["data", "check", str(phantoms), "--sheet", str(sheet)])
    assert sheet.read_bytes().startswith(b"\x89PNG")
    again = run(app, ["data", "check", str(phantoms), "--sheet", str(sheet)])
    assert again.exit_code == 2
    assert "--overwrite" in again.stderr
    command = ["data", "check", str(phantoms), "--sheet", str(sheet), "--overwrite"]
    assert run(app, command).exit_code == 0


def test_check_refuses_a_contact_sheet_that_is_named_as_another_format(phantoms, tmp_path):
    sheet = tmp_path / "sheet.jpg"
    refused = run(app, ["data", "check", str(phantoms), "--sheet", str(sheet)])
    assert refused.exit_code == 2
    assert "is written as a PNG; name it .png" in refused.stderr
    assert not sheet.exists()


def test_check_never_replaces_an_image_of_the_data_by_a_contact_sheet(copy):
    image = copy / "Normal" / "Normal-0001.png"
    before = image.read_bytes()
    refused = run(app, ["data", "check", str(copy), "--sheet", str(image), "--overwrite"])
    assert refused.exit_code == 2
    assert image.read_bytes() == before


def test_split_writes_a_manifest_and_never_overwrites_one(phantoms, tmp_path):
    out = tmp_path / "split.json"
    command = ["data", "split", str(phantoms), "-o", str(out), "--fractions", "0.6", "0.2", "0.2"]
    assert run(app, command).exit_code == 0
    first = Split.load(out)
    assert {entry.subset for entry in first.entries} == {"train", "validation", "test"}
    refused = run(app, command)
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert run(app, [*command, "--overwrite", "--seed", "1"]).exit_code == 0
    assert Split.load(out) != first


def test_split_warns_of_one_image_under_two_classes(copy, tmp_path):
    twins = "Lung_Opacity/Lung_Opacity-0001.png", "Normal/Normal-0001.png"
    shutil.copy(copy / twins[1], copy / twins[0])
    command = ["data", "split", str(copy), "-o", str(tmp_path / "split.json")]
    result = run(app, command)
    assert result.exit_code == 0
    assert "warning: 1 pair of files with one image in two classes" in result.stdout
    (answer,) = json.loads(run(app, [*command, "--overwrite", "--json"]).stdout)
    assert answer["label_conflicts"] == [list(twins)]


def test_split_says_that_near_duplicates_are_kept_together_as_well_as_groups(phantoms, tmp_path):
    said = run(app, ["data", "split", str(phantoms), "-o", str(tmp_path / "split.json")]).stdout
    assert "kept together: groups of the data's table, and near-duplicates" in said


def test_split_makes_folds_that_test_every_image_once(phantoms, tmp_path):
    command = ["data", "split", str(phantoms), "-o", str(tmp_path), "--folds", "3", "--json"]
    made = json.loads(run(app, command).stdout)
    tested = [e.file for fold in made for e in Split.load(Path(fold["path"])).subset("test")]
    assert len(tested) == len(set(tested)) == 60


def test_split_stops_at_an_unreadable_file_unless_told_to_skip_it(copy, tmp_path):
    (copy / "Normal" / "Normal-0001.png").write_bytes(b"no image")
    command = ["data", "split", str(copy), "-o", str(tmp_path / "split.json")]
    command += ["--fractions", "0.6", "0.2", "0.2"]
    stopped = run(app, command)
    assert stopped.exit_code == 2
    assert "Normal-0001.png" in stopped.stderr
    assert "--skip-unreadable" in stopped.stderr
    assert run(app, [*command, "--skip-unreadable"]).exit_code == 0
    assert len(Split.load(tmp_path / "split.json").entries) == 59


def test_fetch_unpacks_an_archive_that_was_downloaded_otherwise(phantoms, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "record"), "zip", phantoms)
    command = ["data", "fetch", "--archive", archive, "-o", str(tmp_path / "out"), "--json"]
    result = run(app, command)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["counts"]["Normal"] == 20
    assert len(list((tmp_path / "out").rglob("*.png"))) == 60


def test_phantom_makes_a_data_set(tmp_path):
    result = run(
        app, ["data", "phantom", "-o", str(tmp_path / "p"), "--count", "6", "--size", "64"]
    )
    assert result.exit_code == 0
    assert "no medical claim" in result.stdout
    assert len(list((tmp_path / "p").rglob("*.png"))) == 6


def test_phantoms_are_replaced_with_force_and_nothing_else_is(tmp_path):
    out = tmp_path / "p"
    command = ["data", "phantom", "-o", str(out), "--count", "3", "--size", "64"]
    assert run(app, command).exit_code == 0
    again = run(app, command)
    assert again.exit_code == 2
    assert "holds a set of phantoms; replace it with --force" in again.stderr
    assert run(app, [*command, "--force", "--count", "6"]).exit_code == 0
    assert len(list(out.rglob("*.png"))) == 6
    (out / "PHANTOM.txt").unlink()  # now it may be somebody's data
    refused = run(app, [*command, "--force"])
    assert "is not empty (holds Lung_Opacity); give another folder" in refused.stderr
    assert len(list(out.rglob("*.png"))) == 6


def test_check_names_classes_and_sources_as_they_are(copy, tmp_path):
    lines = ["file,label,source"]
    for number, name in enumerate(("[bold]Sick[/bold]", "[/]", "[red]")):
        for k in range(1, 6):
            file = sorted(copy.glob("*/*.png"))[20 * number + k].relative_to(copy).as_posix()
            lines.append(f"{file},{name},[i]here[/i]")
    (copy / "data.csv").write_text("\n".join(lines))
    result = run(app, ["data", "check", str(copy / "data.csv")])
    for name in ("[bold]Sick[/bold]", "[/]", "[red]", "[i]here[/i] 5"):
        assert name in result.stdout


def test_several_data_sets_are_checked_and_split_as_one(phantoms, copy, tmp_path):
    shutil.move(copy, tmp_path / "second")
    shutil.copytree(phantoms, tmp_path / "first")
    both = [str(tmp_path / "first"), str(tmp_path / "second")]
    found = json.loads(run(app, ["data", "check", *both, "--json"]).stdout)
    assert found["images"]["Normal"] == 40
    assert len(found["pairs"]) == 60
    out = tmp_path / "split.json"
    assert run(app, ["data", "split", *both, "-o", str(out)]).exit_code == 0
    split = Split.load(out)
    assert split.data_sets == ("first", "second")
    patients = {entry.group for entry in Index.open(phantoms).entries}
    assert {entry.group for entry in split.entries} == patients


def test_labels_are_mapped_and_left_out(phantoms, tmp_path):
    out = tmp_path / "split.json"
    command = ["data", "split", str(phantoms), "-o", str(out), "--map", "viral_pneumonia="]
    assert run(app, [*command, "--map", "Lung Opacity=Pneumonia"]).exit_code == 0
    assert Split.load(out).classes == ("Normal", "Pneumonia")
    refused = run(app, ["data", "check", str(phantoms), "--map", "Effusion="])
    assert refused.exit_code == 2
    assert "the data has no label 'Effusion'" in " ".join(refused.stderr.split())
