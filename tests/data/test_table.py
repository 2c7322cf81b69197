import pytest

from lungscope.data.table import read_table
from lungscope.errors import InvalidData


def refusal(tmp_path, text):
    table = tmp_path / "t.csv"
    table.write_text(text)
    with pytest.raises(InvalidData) as refused:
        read_table(table)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_row_is_a_file_with_its_label_group_source_and_further_columns(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("file,label,age,group,source\nx\\1.png, A ,61,p1,h\n2.png,B,,,\n")
    first, second = read_table(table)
    assert first == ("x/1.png", "A", "p1", "h", (("age", "61"),))
    assert second == ("2.png", "B", None, None, (("age", ""),))


def test_a_row_with_more_cells_than_columns_is_refused_with_its_line(tmp_path):
    said = refusal(tmp_path, "file,label\n1.png,A\n2.png,B,effusion\n")
    assert "line 3: more cells than the header has columns; put a cell that holds a comma" in said


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    assert "column 'label' is there more than once" in refusal(
        tmp_path, "file,label,label\n1.png,A,B\n"
    )


def test_capital_letters_in_the_header_are_named_as_the_cause(tmp_path):
    assert "column file and label missing" in (said := refusal(tmp_path, "File,Label\n1.png,A\n"))
    assert said.endswith("it has 'File': write file")


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_named_as_the_cause(tmp_path, sign, name):
    said = refusal(tmp_path, f"file{sign}label\n1.png{sign}A\n")
    assert said.endswith(f"it seems to be separated by {name}: save it with commas")


def test_a_group_column_in_capital_letters_is_not_left_unused(tmp_path):
    assert "column 'Group' would not be used; write group" in refusal(
        tmp_path, "file,label,Group\n1.png,A,p\n"
    )


def test_a_quote_that_is_never_closed_is_named_with_the_line_where_its_row_begins(tmp_path):
    said = refusal(tmp_path, 'file,label\n1.png,A\n"2.png,B\n3.png,A\n')
    assert "the row that begins in line 3 opens a quote that is never closed" in said


def test_a_quote_inside_a_cell_is_named_with_its_line(tmp_path):
    said = refusal(tmp_path, 'file,label\n"1" a.png,A\n')
    assert "the row that begins in line 2 has a quote inside a cell" in said
