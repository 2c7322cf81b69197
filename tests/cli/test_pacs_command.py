import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lungscope.cli.app import app
from lungscope.serving.pacs.deliveries import Result
from lungscope.serving.pacs.queue import FILE, Queue
from lungscope.serving.pacs.settings import Target
from lungscope.serving.pacs.spool import Spool, key_of, lock_spool

KEY = key_of("1.2.3")
PACS = Target.parse("PACS@127.0.0.1:104")


def run(*words, **environment):
    return CliRunner().invoke(app, ["pacs", *map(str, words)], env=environment)


def told(*words, **environment):
    """The one line of a refusal."""
    result = run(*words, **environment)
    assert result.exit_code == 2, result.output
    return result.stderr


@pytest.fixture
def spool(tmp_path) -> Path:
    """A spool with an instance in every state."""
    folder = tmp_path / "spool"
    Spool(folder)
    queue = Queue(folder / FILE)
    for number, state in enumerate(("sent", "refused", "failed", "received")):
        queue.add(key_of(str(number)))
        queue.set_state(key_of(str(number)), state, None if state == "received" else f"was {state}")
    queue.add(KEY)
    queue.database.value("UPDATE instances SET claimed = 1 WHERE key = ? RETURNING key", [KEY])
    queue.set_classified(queue.get(KEY), "a model", [Result("2.25.1", "sr")], [PACS])
    queue.deliveries.delay(
        queue.deliveries.of(KEY), time.time() + 900, "sr to PACS: cannot be reached"
    )
    queue.close()
    return folder


def test_status_tells_counts_and_what_is_not_done(spool):
    result = run("status", "--spool", spool)
    assert result.exit_code == 0, result.output
    assert "1 received, 1 classified, 1 sent, 1 refused, 1 failed" in result.output
    assert KEY[:12] in result.output
    assert "sr to PACS: cannot be reached" in result.output
    assert "never" in result.output


def test_status_for_a_program(spool):
    found = json.loads(run("status", "--spool", spool, "--json").stdout)
    assert found["counts"]["classified"] == 1
    (waiting,) = [row for row in found["unfinished"] if row["state"] == "classified"]
    assert waiting["key"] == KEY
    assert waiting["attempts"] == 1


def test_status_is_told_while_a_node_works(spool):
    lock = lock_spool(spool)
    working = run("status", "--spool", spool)
    assert working.exit_code == 0
    assert "no node works" not in working.output
    assert json.loads(run("status", "--spool", spool, "--json").stdout)["running"] is True
    lock.release()
    assert "no node works on this spool" in run("status", "--spool", spool).output
    assert json.loads(run("status", "--spool", spool, "--json").stdout)["running"] is False


def test_status_of_no_spool_is_refused(tmp_path):
    assert "no spool" in told("status", "--spool", tmp_path)


def test_an_instance_can_be_dropped_also_while_a_node_works(spool):
    lock = lock_spool(spool)
    result = run("drop", "--spool", spool, KEY[:12])
    lock.release()
    assert result.exit_code == 0, result.output
    assert f"Dropped 1: {KEY[:12]}" in result.output
    queue = Queue(spool / FILE)
    assert queue.get(KEY) is None
    queue.close()


def test_instances_are_dropped_by_what_they_are(spool):
    words = ["--spool", spool, "--state", "failed", "--state", "refused", "--reason", "was"]
    assert "Would drop 2: " in run("drop", *words, "--dry-run").output
    assert "Dropped 2: " in run("drop", *words).output
    assert "Dropped nothing" in run("drop", *words).output
    assert "Dropped nothing" in run("drop", "--spool", spool, "--older-than", "1h").output


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "name what to drop"),
        (["--state", "lost"], "give one of received"),
        (["--older-than", "yesterday"], "as in 30m, 12h or 7d"),
    ],
)
def test_a_drop_that_does_not_say_of_what_is_refused(spool, words, reason):
    assert reason in told("drop", "--spool", spool, *words)


def test_failures_are_listed_and_tried_again(spool):
    assert "was failed" in run("failed", "--spool", spool).output
    found = json.loads(run("failed", "--spool", spool, "--json").stdout)
    assert [each["reason"] for each in found["instances"]] == ["was failed"]
    assert found["deliveries"] == []
    result = run("retry", "--spool", spool, "--state", "classified")
    assert "1 are tried again" in result.output
    result = run("retry", "--spool", spool, "--state", "failed")
    assert f"1 have no file any more; have them sent again: {key_of('2')[:12]}" in result.output
    run("drop", "--spool", spool, "--state", "failed")
    assert "Nothing has failed" in run("failed", "--spool", spool).output


def test_status_says_whether_something_needs_attention(spool):
    result = run("status", "--spool", spool, "--check")
    assert result.exit_code == 1
    assert "! 1 instances failed: lungscope pacs failed" in result.output
    found = json.loads(run("status", "--spool", spool, "--json").stdout)
    assert found["healthy"] is False
    assert "no node works on this spool" in found["problems"]
    run("drop", "--spool", spool, "--state", "failed")
    lock = lock_spool(spool)
    result = run("status", "--spool", spool, "--check", "--json")
    lock.release()
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["healthy"] is True


@pytest.mark.parametrize("key", ["", "abc", "zzzzzzzz", "../../etc", "0" * 32])
def test_what_is_no_instance_cannot_be_dropped(spool, key):
    assert "give 6 to 32" in (line := told("drop", "--spool", spool, key)) or "no instances" in line


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--send-to", "nowhere"], "AET@HOST:PORT"),
        (["--host", "0.0.0.0"], "(accept-from)"),  # noqa: S104
        (["--ae-title", "A TITLE OF MORE THAN SIXTEEN"], "AE title"),
        (["--accept-from", ""], "AE title"),
        (["--tls-cert", "a.pem"], "both --tls-cert and --tls-key"),
        (["--send-tls"], "--send-tls needs"),
        (["--backfill"], "need --orthanc"),
        (["--since", "3"], "need --orthanc"),
        (["--since", "3", "--backfill", "--orthanc", "http://host"], "give one of them"),
        (["--since", "yesterday", "--orthanc", "http://host"], "give the number of a change"),
    ],
)
def test_contradictory_options_are_refused_in_one_line(tmp_path, exported_model, words, reason):
    line = told("run", "--spool", tmp_path / "s", *complete(words, exported_model))
    assert reason in " ".join(line.split())


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--orthanc", "file:///etc"], "give its address as http://HOST:PORT"),
        (["--orthanc", "http://u:p@host"], "leave user and password out"),
        (["--model", "no-such-folder"], "model"),
    ],
)
def test_what_is_found_after_the_log_is_set_up_is_refused_in_one_line(
    tmp_path, exported_model, words, reason
):
    command = [sys.executable, "-m", "lungscope", "pacs", "run", "--spool", str(tmp_path / "s")]
    result = subprocess.run(
        [*command, *complete(words, exported_model)], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert reason in result.stderr
    assert "Traceback" not in result.stderr


def complete(words, exported_model):
    """Options with those that a node can't do without."""
    given = {"--send-to": "PACS@127.0.0.1:104", "--model": str(exported_model)}
    return [
        word for name, value in given.items() if name not in words for word in (name, value)
    ] + words


@pytest.mark.process
def test_a_spool_that_cannot_be_written_is_told(tmp_path, exported_model):
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "lungscope", "pacs", "run", "--model", str(exported_model)]
    command += ["--send-to", "PACS@127.0.0.1:104", "--spool", str(tmp_path / "file" / "spool")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert "cannot be used as a spool" in result.stderr


def test_credentials_come_from_the_environment_or_a_file(tmp_path, monkeypatch):
    from lungscope.cli.pacs import PASSWORD, USER, _orthanc
    from lungscope.errors import LungscopeError

    monkeypatch.setenv(USER, "alice")
    monkeypatch.setenv(PASSWORD, "from the environment")
    assert _orthanc("http://host", None, None, backfill=False).password == os.environ[PASSWORD]
    file = tmp_path / "credentials"
    file.write_text("bob:with:colons\n")
    found = _orthanc("http://host", file, None, backfill=False)
    assert (found.user, found.password) == ("bob", "with:colons")
    for wrong in ("bob", "bob:a\ncarol:b"):
        file.write_text(wrong)
        with pytest.raises(LungscopeError, match="one line"):
            _orthanc("http://host", file, None, backfill=False)


def test_the_help_names_every_command():
    assert all(
        name in run("--help").output for name in ("run", "status", "failed", "retry", "drop")
    )
    assert os.environ.get("LUNGSCOPE_ORTHANC_PASSWORD") is None
