import csv
import ntpath
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.data import index as module
from lungscope.data.index import Entry, Index
from lungscope.data.labelled_file import is_below
from lungscope.errors import InvalidData, InvalidSetting, LungscopeError, NotFound


def make(root, *files):
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"the index looks at names only")
    return root


def table(folder, *lines, name="labels.csv", encoding="utf-8"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def files(index):
    return [entry.file for entry in index.entries]


# Folders


def test_sub_folders_are_classes_and_files_come_in_the_order_of_their_names(tmp_path):
    make(tmp_path, "Normal/2.png", "Lung_Opacity/b.jpg", "Normal/10.png", "Lung_Opacity/a.TIFF")
    index = Index.open(tmp_path)
    assert index == Index(
        tmp_path,
        ("Lung Opacity", "Normal"),
        (
            Entry("Lung_Opacity/a.TIFF", 0),
            Entry("Lung_Opacity/b.jpg", 0),
            Entry("Normal/10.png", 1),
            Entry("Normal/2.png", 1),
        ),
    )


def test_the_order_does_not_depend_on_how_the_system_lists_a_folder(tmp_path, monkeypatch):
    make(tmp_path, *(f"{name}/{n}.png" for name in ("A", "B", "C") for n in range(9)))
    usual = Index.open(tmp_path)
    walk, iterdir = os.walk, Path.iterdir

    def backwards(folder, **options):
        for here, folders, found in walk(folder, **options):
            yield here, folders, sorted(found, reverse=True)

    monkeypatch.setattr(module.os, "walk", backwards)
    monkeypatch.setattr(Path, "iterdir", lambda self: sorted(iterdir(self), reverse=True))
    assert Index.open(tmp_path) == usual


@pytest.mark.parametrize("other", ["lung opacity", "LUNG-OPACITY", "lung_Opacity "])
def test_two_folders_whose_names_differ_in_spelling_are_one_class(tmp_path, other):
    make(tmp_path, "Lung_Opacity/1.png", f"{other}/2.png", "Normal/1.png")
    assert len(Index.open(tmp_path).classes) == 2


def test_opposite_classes_stay_apart(tmp_path):
    make(tmp_path, "COVID+/1.png", "COVID-/1.png")
    assert Index.open(tmp_path).classes == ("COVID+", "COVID-")


def test_images_may_lie_deeper(tmp_path):
    make(tmp_path, "Normal/patient 1/left/1.png", "Sick/1.png")
    assert files(Index.open(tmp_path)) == ["Normal/patient 1/left/1.png", "Sick/1.png"]


@pytest.mark.parametrize(
    "passed_over",
    [
        "Normal/masks/1.png",
        "Normal/Masks/deep/1.png",
        "Normal/patient/mask/1.png",
        "Normal/.hidden.png",
        "Normal/._1.png",
        "Normal/.ipynb_checkpoints/1-checkpoint.png",
        "Normal/__MACOSX/1.png",
        "Normal/notes.txt",
        "Normal/Thumbs.db",
        "masks/1.png",
        "__MACOSX/Normal/1.png",
        ".git/1.png",
        "readme.md",
        "overview.png",
    ],
)
def test_what_is_no_radiograph_is_passed_over(tmp_path, passed_over):
    make(tmp_path, "Normal/1.png", "Sick/1.png", passed_over)
    index = Index.open(tmp_path)
    assert index.classes == ("Normal", "Sick")
    assert files(index) == ["Normal/1.png", "Sick/1.png"]


@pytest.mark.parametrize("litter", [None, "__MACOSX/a.png", "read me.txt"])
def test_a_folder_that_holds_one_folder_is_stepped_into_as_archives_unpack(tmp_path, litter):
    make(tmp_path, "lung/Lung X-Ray Image/Normal/1.png", "lung/Lung X-Ray Image/Sick/1.png")
    if litter:
        make(tmp_path, litter)
    index = Index.open(tmp_path)
    assert index.root == tmp_path / "lung" / "Lung X-Ray Image"
    assert files(index) == ["Normal/1.png", "Sick/1.png"]


@pytest.mark.parametrize("file", [None, "Sick/notes.txt", "Sick/masks/1.png", "Sick/.1.png"])
def test_an_empty_class_folder_is_refused_and_named(tmp_path, file):
    make(tmp_path, "Normal/1.png")
    (tmp_path / "Sick").mkdir()
    if file:
        make(tmp_path, file)
    with pytest.raises(LungscopeError, match="Sick: this class folder contains no images"):
        Index.open(tmp_path)


def test_a_single_class_is_refused(tmp_path):
    make(tmp_path, "Normal/1.png", "Normal/2.png")
    with pytest.raises(LungscopeError, match="a single class, Normal"):
        Index.open(tmp_path)


def test_a_single_class_is_read_to_evaluate_on(tmp_path):
    make(tmp_path, "Normal/1.png", "Normal/2.png")
    assert Index.open(tmp_path, min_classes=1).classes == ("Normal",)
    only = Index.from_files([tmp_path / "Normal/1.png"], ["Normal"], min_classes=1)
    assert only.classes == ("Normal",)


def test_a_folder_without_class_folders_is_refused(tmp_path):
    with pytest.raises(LungscopeError, match="images but no class folders"):
        Index.open(make(tmp_path, "1.png"))


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(LungscopeError, match="absent: not found"):
        Index.open(tmp_path / "absent")


def test_a_folder_that_is_closed_to_us_is_refused_and_not_passed_over(tmp_path, monkeypatch):
    make(tmp_path, "Normal/1.png", "Normal/closed/2.png", "Sick/1.png")
    scandir = os.scandir

    def guarded(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(LungscopeError, match="closed: cannot be read: Permission denied"):
        Index.open(tmp_path)


def link(path, target):
    try:
        path.symlink_to(target, target_is_directory=target.is_dir())
    except OSError as error:
        pytest.skip(f"no symbolic links here: {error}")


def test_links_that_lead_round_in_a_circle_are_not_followed(tmp_path):
    make(tmp_path, "Normal/1.png", "Sick/1.png")
    link(tmp_path / "Normal" / "again", tmp_path)
    assert files(Index.open(tmp_path)) == ["Normal/1.png", "Sick/1.png"]


def test_a_folder_that_holds_only_a_link_to_itself_is_refused_and_does_not_hang(tmp_path):
    link(tmp_path / "again", tmp_path)
    with pytest.raises(LungscopeError, match=r"0 classes|no images|cannot be read"):
        Index.open(tmp_path)


def test_a_link_to_an_image_is_an_image_even_if_it_leads_nowhere(tmp_path):
    make(tmp_path, "Normal/1.png", "Sick/1.png")
    link(tmp_path / "Normal" / "2.png", tmp_path / "gone.png")
    assert "Normal/2.png" in files(Index.open(tmp_path))


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="file names are Unicode there")
def test_a_file_name_that_is_not_utf_8_is_refused_in_ascii(tmp_path):
    make(tmp_path, "Normal/1.png", "Sick/1.png")
    Path(os.fsdecode(os.fsencode(tmp_path / "Normal") + b"/\xff.png")).touch()
    with pytest.raises(LungscopeError, match="is not UTF-8") as refusal:
        Index.open(tmp_path)
    assert str(refusal.value).isascii()


@pytest.mark.skipif(sys.platform == "win32", reason="no such names on Windows")
def test_a_file_name_that_would_leave_the_folder_on_another_system_is_refused(tmp_path):
    make(tmp_path, "Normal/1.png", "Sick/x\\..\\..\\..\\1.png")
    with pytest.raises(LungscopeError, match="leads out of the folder"):
        Index.open(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no such names on Windows")
def test_a_colon_in_a_file_name_is_no_drive(tmp_path):
    make(tmp_path, "Normal/2020-01-01T10:00.png", "Sick/1.png")
    assert files(Index.open(tmp_path))[0] == "Normal/2020-01-01T10:00.png"


# Tables


def test_a_table_gives_files_labels_groups_and_sources(tmp_path):
    path = table(
        tmp_path,
        "file,label,group,source",
        "x/2.png,Sick,p2,Kyiv",
        "x/1.png,Normal,,",
    )
    assert Index.open(path) == Index(
        tmp_path,
        ("Normal", "Sick"),
        (Entry("x/1.png", 0), Entry("x/2.png", 1, "p2", "Kyiv")),
        data_sets=("labels.csv",),
    )


def test_a_folder_with_a_metadata_table_is_read_by_it(tmp_path):
    make(tmp_path, "Normal/1.png", "Sick/1.png", "Sick/2.png")
    table(tmp_path, "file,label,group", "Normal/1.png,A,p1", "Sick/1.png,B,p2", name="metadata.csv")
    index = Index.open(tmp_path)
    assert index.classes == ("A", "B")
    assert [entry.group for entry in index.entries] == ["p1", "p2"]


@pytest.mark.parametrize("inner", ["images", "images/all"])
def test_a_metadata_table_is_found_inside_or_beside_a_single_folder(tmp_path, inner):
    make(tmp_path, f"set/{inner}/1.png", f"set/{inner}/2.png")
    lines = ("file,label", f"{inner}/1.png,A", f"{inner}/2.png,B")
    table(tmp_path / "set", *lines, name="metadata.csv")
    for opened in (tmp_path, tmp_path / "set"):
        index = Index.open(opened)
        assert index.root == tmp_path / "set"
        assert index.classes == ("A", "B")


def test_spreadsheets_write_a_byte_order_mark_other_columns_and_spaces(tmp_path):
    path = table(
        tmp_path,
        "age,file,label,sex",
        '61, 1.png , Normal ,"F, other"',
        '44,"a, b.png","Sick, very",M',
        encoding="utf-8-sig",
    )
    index = Index.open(path)
    assert [entry.file for entry in index.entries] == ["1.png", "a, b.png"]
    assert index.classes == ("Normal", "Sick, very")


def test_further_columns_are_kept_but_for_those_that_results_have_themselves(tmp_path):
    path = table(
        tmp_path,
        "file,label,group,age,predicted,probability:Normal,view,,source",
        "1.png,Normal,p1,61,Sick,0.2, AP ,x,A",
        "2.png,Sick,p2,,Sick,0.2,PA,y,B",
    )
    first, second = Index.open(path).entries
    assert first == Entry("1.png", 0, "p1", "A", (("age", "61"), ("view", "AP")))
    assert second.columns == (("age", ""), ("view", "PA"))


def test_labels_are_merged_by_spelling_but_signs_count(tmp_path):
    path = table(tmp_path, "file,label", "1.png,1", "2.png,-1", "3.png,a_b", "4.png,A-B")
    index = Index.open(path)
    assert index.classes == ("-1", "1", "A B")
    assert [entry.label for entry in index.entries] == [1, 0, 2, 2]


def test_back_slashes_of_windows_tables_become_slashes(tmp_path):
    path = table(tmp_path, "file,label", "x\\1.png,A", "./x//2.png,B")
    assert files(Index.open(path)) == ["x/1.png", "x/2.png"]


def test_windows_line_ends_and_blank_lines_are_no_rows(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(b"file,label\r\n\r\n1.png,A\r\n\r\n2.png,B\r\n")
    assert files(Index.open(path)) == ["1.png", "2.png"]


@pytest.mark.parametrize(
    ("header", "missing"),
    [("file,group", "label"), ("label", "file"), ("name,class", "file and label"), ("", "file")],
)
def test_missing_columns_are_named(tmp_path, header, missing):
    path = table(tmp_path, header, "1.png,A")
    with pytest.raises(LungscopeError, match=f"column {missing}.* missing; the table needs"):
        Index.open(path)


@pytest.mark.parametrize("row", [",A", "1.png,", "1.png", " ,A", "1.png,  "])
def test_an_empty_cell_is_refused_with_its_line(tmp_path, row):
    path = table(tmp_path, "file,label", "0.png,A", row)
    with pytest.raises(LungscopeError, match="line 3: file and label must not be empty"):
        Index.open(path)


@pytest.mark.parametrize("again", ["x/1.png", "x\\1.png", "./x/1.png", "x//1.png", "x/./1.png"])
def test_a_file_that_is_listed_twice_is_refused_however_it_is_written(tmp_path, again):
    path = table(tmp_path, "file,label", "x/1.png,A", f"{again},B")
    with pytest.raises(LungscopeError, match=r"x/1\.png is listed more than once"):
        Index.open(path)


ESCAPES = [
    "../1.png",
    "x/../../1.png",
    "/etc/1.png",
    "..\\1.png",
    "x\\..\\..\\1.png",
    "C:\\1.png",
    "C:1.png",
    "c:/1.png",
    "\\1.png",
    "\\\\server\\share\\1.png",
    "//server/share/1.png",
    "..",
    "x/.. /1.png",
    ".",
    "./",
    "/",
]


@pytest.mark.parametrize("file", ESCAPES)
def test_a_path_that_leaves_the_folder_is_refused_with_its_line(tmp_path, file):
    path = table(tmp_path, "file,label", "1.png,A", f"{file},B")
    with pytest.raises(LungscopeError, match=r"line 3: .* must lie below the table's folder"):
        Index.open(path)


@settings(deadline=None, max_examples=60)
@given(st.text(st.sampled_from("ab./\\:C\0 "), max_size=12) | st.text(max_size=12))
def test_a_path_that_is_below_stays_below_on_every_system(file):
    if is_below(file):
        root = Path("/data/set")
        assert os.path.normpath(root / file).startswith("/data/set/")
        assert "\0" not in file
        assert ntpath.normpath(ntpath.join("D:\\set", file)).startswith("D:\\set\\")


@pytest.mark.parametrize(
    "content",
    [
        "file,label\nmüde.png,A\n".encode("latin-1"),
        "file,label\n1.png,A\n".encode("utf-16"),
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b'file,label\n1.png,"A\n2.png,B\n3.png,C\n',
        b'file,label\n1.png,"A"B\n2.png,C\n',
        b"file,label\n1.png," + b"a" * 200_000,
    ],
    ids=["latin-1", "utf-16", "png", "open quote", "text after a quote", "endless cell"],
)
def test_what_is_no_utf_8_table_is_refused_and_no_row_is_lost(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(LungscopeError, match=r"labels\.csv: (not a CSV table|column)"):
        Index.open(path)


def test_a_table_of_one_class_or_of_no_row_is_refused(tmp_path):
    with pytest.raises(LungscopeError, match="1 class found"):
        Index.open(table(tmp_path, "file,label", "1.png,A", "2.png,a"))
    with pytest.raises(LungscopeError, match="0 classes found"):
        Index.open(table(tmp_path, "file,label"))


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(LungscopeError, match=r"absent\.csv: cannot be read: No such file"):
        Index.from_table(tmp_path / "absent.csv")


@settings(deadline=None, max_examples=60)
@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"file,label\n{text}".encode())
)
def test_any_bytes_are_a_table_or_a_refusal(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "hostile.csv"
    path.write_bytes(content)
    with suppress(LungscopeError):
        index = Index.open(path)
        assert len(index.classes) >= 2
        assert all(is_below(entry.file) for entry in index.entries)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,3}( [a-z]{1,3})?\.png", fullmatch=True),
        st.sampled_from(["A", "B", "C,D", 'say "E"']),
        min_size=1,
        max_size=12,
    ),
    st.randoms(),
)
def test_a_table_in_any_order_gives_the_same_index(tmp_path_factory, rows, random):
    if len(set(rows.values())) < 2:
        return
    path = tmp_path_factory.getbasetemp() / "shuffled.csv"
    opened = []
    for order in (list(rows.items()), random.sample(list(rows.items()), len(rows))):
        with path.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([("file", "label"), *order])
        opened.append(Index.open(path))
    assert opened[0] == opened[1]
    assert files(opened[0]) == sorted(rows)
    for entry in opened[0].entries:
        assert opened[0].classes[entry.label] == rows[entry.file]


# What can be done with an index


def test_the_path_of_an_entry_lies_below_the_root(tmp_path):
    index = Index.open(make(tmp_path, "A/1.png", "B/1.png"))
    assert [index.path(entry) for entry in index.entries] == [
        tmp_path / "A" / "1.png",
        tmp_path / "B" / "1.png",
    ]


def test_files_can_be_left_out_and_the_rest_keeps_its_order_and_labels(tmp_path):
    index = Index.open(make(tmp_path, "A/1.png", "A/2.png", "B/1.png", "B/2.png"))
    left = index.without(iter(["A/1.png", "B/2.png", "unknown.png"]))
    assert left.classes == index.classes
    assert left.entries == (index.entries[1], index.entries[2])
    assert len(index.entries) == 4


def test_leaving_out_all_of_a_class_is_refused_and_names_it(tmp_path):
    index = Index.open(make(tmp_path, "A/1.png", "B/1.png", "B/2.png"))
    with pytest.raises(LungscopeError, match="class 'A' has no readable image left"):
        index.without(["A/1.png"])


def test_files_of_another_kind_are_not_passed_over_in_silence(tmp_path):
    for file in ("A/1.png", "B/1.png", "B/2.nii", "B/deep/notes.txt", "B/.hidden"):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert Index.open(tmp_path).ignored == ("B/2.nii", "B/deep/notes.txt")


@pytest.mark.parametrize("column", ["patient", "Patient ID", "patient_id", "PatientID", "subject"])
def test_a_patient_column_of_another_name_is_not_left_unused(tmp_path, column):
    table = tmp_path / "table.csv"
    table.write_text(f"file,label,{column}\na.png,A,1\nb.png,B,2\n")
    with pytest.raises(LungscopeError, match="name it group"):
        Index.open(table)
    table.write_text(f"file,label,{column},group\na.png,A,1,1\nb.png,B,2,2\n")
    assert [entry.group for entry in Index.open(table).entries] == ["1", "2"]


def test_a_folder_as_an_archive_exports_it_is_indexed(tmp_path):
    make(tmp_path, "Normal/1.dic", "Normal/DICOMDIR")
    (tmp_path / "Sick").mkdir()
    (tmp_path / "Sick" / "IM000001").write_bytes(b"\0" * 128 + b"DICM")
    index = Index.open(tmp_path)
    assert files(index) == ["Normal/1.dic", "Sick/IM000001"]
    assert index.ignored == ("Normal/DICOMDIR",)


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_table_with_another_separator_says_so(tmp_path, sign, name):
    table = tmp_path / "table.csv"
    table.write_text(f"file{sign}label\na.png{sign}Normal\n")
    with pytest.raises(InvalidData, match=f"separated by {name}: save it with commas"):
        Index.open(table)


def test_its_repr_counts_and_does_not_list(phantoms):
    assert repr(Index.open(str(phantoms))).endswith(
        "phantoms': 60 images; Lung Opacity 20, Normal 20, Viral Pneumonia 20)"
    )
    assert "<td>Normal</td><td>20</td>" in Index.open(phantoms)._repr_html_()


def test_what_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="give a folder of class folders or a CSV table"):
        Index.open(tmp_path / "absent")


def test_no_files_are_no_index():
    with pytest.raises(InvalidData, match="no files are given; give image files"):
        Index.from_files([], [])


# Another label column


def test_the_labels_may_be_in_another_column(tmp_path):
    path = table(tmp_path, "file,label,finding,view", "a.png,Sick,TB,AP", "b.png,Sick,Flu,PA")
    index = Index.open(path, "finding")
    assert index.classes == ("Flu", "TB")
    assert index.entries[0] == Entry("a.png", 1, columns=(("finding", "TB"), ("view", "AP")))


def test_that_column_must_be_there_and_filled(tmp_path):
    path = table(tmp_path, "file,label", "a.png,x", "b.png,y")
    with pytest.raises(InvalidData, match="column finding missing; the table needs file,finding"):
        Index.open(path, "finding")
    path = table(tmp_path, "file,finding", "a.png,x", "b.png,")
    with pytest.raises(InvalidData, match="line 3: file and finding must not be empty"):
        Index.open(path, "finding")


def test_a_folder_of_class_folders_has_no_columns(tmp_path):
    make(tmp_path, "Normal/2.png", "Lung_Opacity/b.jpg")
    with pytest.raises(InvalidSetting, match=r"has no metadata\.csv, so no column 'finding'"):
        Index.open(tmp_path, "finding")


def test_of_many_classes_the_first_ones_are_printed(tmp_path):
    make(tmp_path, *(f"{name}/1.png" for name in "ABCDEFGHIJKL"))
    assert repr(Index.open(tmp_path)).endswith("F 1, G 1, H 1 and 4 more)")
