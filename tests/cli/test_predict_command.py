"""With the tiny model, which tells images apart by the subset that is bright; see `tiny_model`."""

import csv
import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from dicom_files import IDENTIFIERS, RAMP12, dataset, written
from lungscope.cli.app import BROKEN_PIPE, app
from lungscope.cli.output import file_or, name_partial
from raster_files import RAMP8, tiff


def radiograph(path: Path, left: int, right: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((80, 96), left, np.uint8)
    pixels[:, 48:] = right
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    radiograph(tmp_path / "xrays" / "left.png", 215, 40)
    radiograph(tmp_path / "xrays" / "more" / "right.png", 40, 215)
    radiograph(tmp_path / "xrays" / "even.png", 127, 128)
    (tmp_path / "bad.png").write_bytes(b"")
    return tmp_path


@pytest.fixture
def predict(exported_model, folder):
    def command(*words, standard_input=None):
        given = ["predict", "--model", str(exported_model), *map(str, words)]
        return CliRunner().invoke(app, given, input=standard_input)

    return command


def test_a_table_has_a_row_a_file_in_the_order_given(predict):
    result = predict("xrays/more/right.png", "xrays/left.png", "xrays/even.png")
    assert result.exit_code == 0, result.stderr
    head, first, second, third, summary, model = result.stdout.splitlines()
    assert head.split()[:2] == ["file", "answer"]
    assert "xrays/more/right.png" in first
    assert "Viral Pneumonia" in first
    assert "Lung Opacity" in second
    assert "(abstains)" in third
    assert "low confidence" in third
    assert "3 files: 1 abstained, 2 classified" in summary
    assert "not for diagnosis" in model


def test_a_bad_file_is_a_row_and_the_others_are_done(predict):
    result = predict("bad.png", "xrays")
    assert result.exit_code == 1
    rows = result.stdout.splitlines()
    assert "the file is empty" in rows[1]
    assert "4 files" in rows[5]


def test_json_is_one_line_a_file_and_nothing_else(predict):
    result = predict("xrays", "bad.png", "--json")
    assert result.exit_code == 1
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["file"] for row in rows] == [
        "xrays/even.png", "xrays/left.png", "xrays/more/right.png", "bad.png",
    ]  # fmt: skip
    assert rows[1]["predicted"] == "Lung Opacity"
    assert rows[3]["error"]


def test_csv_goes_to_a_file_that_is_not_replaced_unasked(predict, folder):
    assert predict("xrays", "-o", "out.csv").exit_code == 0
    with (folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["predicted"] for row in rows] == ["", "Lung Opacity", "Viral Pneumonia"]
    again = predict("xrays/left.png", "-o", "out.csv")
    assert again.exit_code == 2
    assert "--overwrite" in again.stderr
    assert predict("xrays/left.png", "-o", "out.csv", "--overwrite").exit_code == 0
    assert len((folder / "out.csv").read_text().splitlines()) == 2


def test_names_come_from_standard_input_and_from_patterns(predict):
    result = predict("-", "xrays/*.png", "--json", standard_input="xrays/more/right.png\n")
    files = [json.loads(line)["file"] for line in result.stdout.splitlines()]
    assert files == ["xrays/more/right.png", "xrays/even.png", "xrays/left.png"]


def test_a_file_has_the_same_answer_alone_and_in_a_folder(predict, folder):
    for i in range(40):
        radiograph(folder / "many" / f"{i:02}.png", 150 + i, 100 - i)
    together = [json.loads(line) for line in predict("many", "--json").stdout.splitlines()]
    assert len(together) == 40
    for row in together[::7]:
        (alone,) = predict(row["file"], "--json").stdout.splitlines()
        assert json.loads(alone) == row


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["xrays", "--csv", "--json"], "give one of them"),
        (["xrays", "-o", "out.txt"], "name it .csv or .jsonl"),
        (["nothing*.png"], "matches no file"),
        (["-"], "no file"),
    ],
)
def test_mistakes_are_told_in_one_line(predict, words, message):
    result = predict(*words, standard_input="")
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_another_modality_is_read_only_on_request(predict, folder):
    (folder / "ct.dcm").write_bytes(written(dataset(RAMP12, Modality="CT")))
    refused = predict("ct.dcm")
    assert refused.exit_code == 1
    assert "its modality is CT" in refused.stdout
    assert "--any-modality reads them" in refused.stdout
    read = predict("ct.dcm", "--any-modality", "--json")
    assert json.loads(read.stdout)["modality"] == "CT"


def test_identifiers_are_told_only_to_who_asks(predict, folder):
    (folder / "cr.dcm").write_bytes(written(dataset(RAMP12, **IDENTIFIERS)))
    for words in ((), ("--json",), ("--csv",)):
        said = predict("cr.dcm", *words)
        assert not any(str(value) in said.output for value in IDENTIFIERS.values())
    row = json.loads(predict("cr.dcm", "--json", "--with-ids").stdout)
    assert row["patient_id"] == IDENTIFIERS["PatientID"]
    assert IDENTIFIERS["PatientName"] not in json.dumps(row)


def test_names_with_control_characters_cannot_move_the_cursor(predict, folder):
    radiograph(folder / "a\x1b[2Jb.png", 215, 40)
    result = predict("a\x1b[2Jb.png")
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("form", ["--json", "--csv", None])
def test_a_closed_pipe_ends_it_quietly(exported_model, folder, form):
    for i in range(60):
        radiograph(folder / "many" / f"{i:02}.png", 150 + i, 100 - i)
    lungscope = [sys.executable, "-m", "lungscope", "predict", "--model", str(exported_model)]
    with subprocess.Popen(
        [*lungscope, "many", *filter(None, [form])], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == BROKEN_PIPE


def test_a_list_may_hold_names_that_are_no_utf_8_and_no_library_warns(exported_model, folder):
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"  # a directory that is cut short
    with Image.open(folder / "xrays" / "left.png") as image:
        image.save(folder / "r\udce9.jpg", exif=exif)
    found = subprocess.run(
        [
            sys.executable,
            "-m",
            "lungscope",
            "predict",
            "-",
            "--json",
            "--model",
            str(exported_model),
        ],
        input=b"r\xe9.jpg\n",
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
    )
    assert found.stderr == b""
    assert json.loads(found.stdout)["predicted"] == "Lung Opacity"


def test_what_pillow_logs_of_a_damaged_file_is_not_printed(exported_model, folder):
    content = bytearray(tiff([RAMP8.tobytes()], {258: [8]}))
    place = content.index(struct.pack("<HHLL", 277, 3, 1, 1))
    content[place + 8 : place + 10] = struct.pack("<H", 10_825)  # samples of a pixel
    (folder / "a.tif").write_bytes(content)
    words = ["predict", "a.tif", "--json", "--model", str(exported_model)]
    found = subprocess.run([sys.executable, "-m", "lungscope", *words], capture_output=True)
    assert found.stderr == b""
    assert "the TIFF data is damaged" in json.loads(found.stdout)["error"]


def test_an_answer_comes_without_torch(exported_model, folder):
    program = (
        "import sys; from lungscope.cli.app import app\n"
        f"app(['predict', 'xrays', '--model', {str(exported_model)!r}], standalone_mode=False)\n"
        "print(sorted({'torch', 'scipy', 'sklearn', 'matplotlib'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_nothing_is_left_in_the_users_home(exported_model, folder, monkeypatch):
    home = folder / "home"
    home.mkdir()
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    lungscope = [sys.executable, "-m", "lungscope", "predict", "--model", str(exported_model)]
    subprocess.run([*lungscope, "xrays"], check=True, capture_output=True)
    assert list(home.iterdir()) == []


def test_a_file_to_be_read_is_never_replaced_by_answers(predict, folder):
    before = (folder / "xrays" / "left.png").read_bytes()
    result = predict("xrays/left.png", "-o", "xrays/left.png", "--csv", "--overwrite")
    assert result.exit_code == 2
    assert "one of the files to be read" in result.stderr
    assert (folder / "xrays" / "left.png").read_bytes() == before


def test_what_is_replaced_is_a_file(predict, folder):
    (folder / "link.csv").symlink_to(folder / "bad.png")
    result = predict("xrays", "-o", "link.csv", "--overwrite")
    assert result.exit_code == 2
    assert "give a file" in result.stderr


@pytest.mark.parametrize(("option", "name"), [("--csv", "out.jsonl"), ("--json", "out.CSV")])
def test_a_file_that_is_named_as_another_format_is_refused(predict, folder, option, name):
    result = predict("xrays/left.png", "-o", name, option)
    assert result.exit_code == 2
    assert f"error: {name}: its suffix and {option} say different formats" in result.stderr
    assert not (folder / name).exists()


def test_an_image_of_another_kind_is_called_unwanted_as_in_the_summary(predict, folder):
    (folder / "ct.dcm").write_bytes(written(dataset(RAMP12, Modality="CT")))
    _, row, summary, *_ = predict("ct.dcm").stdout.splitlines()
    assert "(unwanted)" in row
    assert "1 unwanted" in summary


def test_files_in_a_folder_that_are_skipped_are_counted(predict, folder):
    (folder / "xrays" / "scan").write_bytes((folder / "xrays" / "left.png").read_bytes())
    result = predict("xrays")
    assert result.exit_code == 0
    assert "1 file that is neither named as an image (.png" in result.stdout
    assert "1 file that" not in predict("xrays/left.png").stdout


def test_overwrite_and_any_modality_are_independent_and_a_row_names_the_unwanted(predict, folder):
    (folder / "ct.dcm").write_bytes(written(dataset(RAMP12, Modality="CT")))
    (folder / "out.jsonl").touch()
    assert predict("ct.dcm", "-o", "out.jsonl", "--overwrite").exit_code == 1
    row = json.loads((folder / "out.jsonl").read_text())
    assert "its modality is CT" in row["error"]
    assert row["unwanted"] == "modality"
    assert predict("ct.dcm", "-o", "out.jsonl", "--any-modality").exit_code == 2
    arguments = ("ct.dcm", "-o", "out.jsonl", "--any-modality", "--overwrite")
    assert predict(*arguments).exit_code == 0
    assert json.loads((folder / "out.jsonl").read_text())["unwanted"] == "modality"


def test_a_name_that_is_no_utf_8_costs_no_answer(predict, folder):
    radiograph(folder / "latin" / "a.png", 215, 40)
    (folder / "latin" / "a.png").rename(folder / "latin" / "M\udcfcller.png")
    assert predict("latin", "xrays", "-o", "out.csv").exit_code == 0
    assert len((folder / "out.csv").read_text().splitlines()) == 5
    rows = predict("latin", "--json").stdout.splitlines()
    assert json.loads(rows[0])["predicted"] == "Lung Opacity"


INTERRUPTED_AFTER_100_ROWS = """
import signal, sys
import lungscope.cli.predict as command
from lungscope.cli.app import app

# A shell that starts a job in the background has it ignore SIGINT; here it must not matter.
signal.signal(signal.SIGINT, signal.default_int_handler)
csv_rows = command.csv_rows

def interrupted(*arguments, **options):
    write, rows = csv_rows(*arguments, **options), []
    def counted(outcome):
        if len(rows) == 100:
            signal.raise_signal(int(sys.argv.pop()))
        write(outcome)
        rows.append(outcome)
    return counted

command.csv_rows = interrupted
app(sys.argv[1:-1])
"""


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_is_done_and_what_was_there(exported_model, folder, number):
    for i in range(20):
        radiograph(folder / "many" / f"{i:03}.png", 150, 100)
    (folder / "out.csv").write_text("of yesterday\n")
    files = [str(folder / "many" / "*.png")] * 20  # enough for processes, not threads
    program = [
        *(sys.executable, "-c", INTERRUPTED_AFTER_100_ROWS, "predict", *files),
        *("--model", str(exported_model), "-o", "out.csv", "--overwrite", "--workers", "1"),
        str(int(number)),
    ]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Interrupted after 100 of 400 files" in done.stderr
    assert (folder / "out.csv").read_text() == "of yesterday\n"
    assert len((folder / "out.partial.csv").read_text().splitlines()) == 101
    assert not list(folder.glob(".out-*"))


def test_what_an_earlier_interrupt_left_is_not_replaced(tmp_path):
    def interrupted():
        with file_or(sys.stdout, out, name_partial(out)) as stream:
            stream.write("rows")
            raise KeyboardInterrupt

    out = tmp_path / "out.csv"
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"out.partial.csv", "out.partial-2.csv", "out.partial-3.csv"}


def test_quiet_still_says_how_many_files_have_no_answer(predict):
    result = predict("bad.png", "xrays/left.png", "--quiet")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "1 of 2 files cannot be read or are not accepted\n"
    assert predict("xrays/left.png", "--quiet").stderr == ""


def test_a_path_is_whole_where_it_goes_to_a_file(predict, folder):
    name = "/".join(["a-long-folder"] * 6)
    radiograph(folder / name / "left.png", 215, 40)
    assert f"{name}/left.png  Lung Opacity" in predict(f"{name}/left.png").stdout


def test_a_run_in_the_place_of_a_model_is_refused_with_the_command_that_exports_it(folder):
    (folder / "run").mkdir()
    (folder / "run" / "recipe.json").write_text("{}")
    refused = CliRunner().invoke(app, ["predict", "xrays", "--model", "run"])
    assert refused.exit_code == 2
    assert "run: is a run, not an exported model; export it with `lungscope export RUN`" in (
        refused.stderr
    )
