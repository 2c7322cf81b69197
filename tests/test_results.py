import pytest

from lungscope.atomic import atomic_folder, refuse_occupied
from lungscope.errors import LungscopeError

OWN = {"metrics.json", "figures"}


def test_a_folder_that_is_absent_or_empty_is_taken(tmp_path):
    refuse_occupied(tmp_path / "new", OWN, "an evaluation", force=False)
    refuse_occupied(tmp_path, OWN, "an evaluation", force=False)


def test_results_are_replaced_only_when_told_to(tmp_path):
    (tmp_path / "metrics.json").touch()
    with pytest.raises(LungscopeError, match="holds an evaluation; replace it with --force"):
        refuse_occupied(tmp_path, OWN, "an evaluation", force=False)
    refuse_occupied(tmp_path, OWN, "an evaluation", force=True)


@pytest.mark.parametrize("force", [False, True])
def test_anything_else_is_never_replaced(tmp_path, force):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(LungscopeError, match=r"thesis\.txt, which is no part of an audit"):
        refuse_occupied(tmp_path, OWN, "an audit", force=force)
    with pytest.raises(LungscopeError, match="is a file"):
        refuse_occupied(tmp_path / "thesis.txt", OWN, "an audit", force=force)


def test_a_folder_takes_the_place_of_the_old_one_whole(tmp_path):
    folder = tmp_path / "deep" / "results"
    for content in ("one", "two"):
        with atomic_folder(folder) as new:
            (new / f"{content}.txt").write_text(content)
        assert [path.name for path in folder.iterdir()] == [f"{content}.txt"]
    assert [path.name for path in folder.parent.iterdir()] == ["results"]


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path):
    folder = tmp_path / "results"
    with atomic_folder(folder) as new:
        (new / "kept.txt").write_text("kept")
    with pytest.raises(ZeroDivisionError), atomic_folder(folder) as new:
        (new / "other.txt").write_bytes(b"x" * (1 // 0))
    assert [path.name for path in folder.iterdir()] == ["kept.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_what_the_disk_refuses_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(LungscopeError, match="cannot be written"),
        atomic_folder(tmp_path / "file" / "results"),
    ):
        pass
