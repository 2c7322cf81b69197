import numpy as np
import pytest
from PIL import Image

from lungscope.data.contact_sheet import GAP, HEADING, MARGIN, TILE, draw_contact_sheet
from lungscope.data.index import Index


def gradient(width, height):
    """Black to white, left to right."""
    row = np.linspace(0, 255, width).astype(np.uint8)
    return Image.fromarray(np.tile(row, (height, 1)))


@pytest.fixture
def index(tmp_path):
    for number in range(5):
        for name, size in (("Normal", (200, 200)), ("Opacity", (300, 100))):
            path = tmp_path / "data" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            gradient(*size).save(path)
    return Index.open(tmp_path / "data")


def drawn(index, path, **options):
    draw_contact_sheet(index, path, **options)
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image)


def tile(page, row, column, rows=2):
    height = (page.shape[0] - 2 * MARGIN + GAP) // rows
    top, left = MARGIN + row * height + HEADING, MARGIN + column * (TILE + GAP)
    return page[top : top + TILE, left : left + TILE]


def test_a_row_a_class_and_a_column_an_image(index, tmp_path):
    page = drawn(index, tmp_path / "sheet.png", per_class=3)
    assert page.shape[1] == 2 * MARGIN + 3 * TILE + 2 * GAP
    for row in range(2):
        for column in range(3):
            assert np.ptp(tile(page, row, column)[TILE // 2].astype(int)) > 200


def test_the_margins_are_white(index, tmp_path):
    page = drawn(index, tmp_path / "sheet.png")
    assert (page[:MARGIN] == 255).all()
    assert (page[:, :MARGIN] == 255).all()
    assert (page[-MARGIN:] == 255).all()
    assert (page[:, -MARGIN:] == 255).all()


def test_every_row_has_a_heading_and_captions(index, tmp_path):
    page = drawn(index, tmp_path / "sheet.png", per_class=2)
    height = (page.shape[0] - 2 * MARGIN + GAP) // 2
    for row in range(2):
        top = MARGIN + row * height
        assert page[top : top + HEADING].min() < 50
        assert page[top + HEADING + TILE : top + height - GAP].min() < 150


def test_the_aspect_ratio_is_kept(index, tmp_path):
    wide = tile(drawn(index, tmp_path / "sheet.png", per_class=1), 1, 0)
    inside = wide[2:-2, 2:-2]
    picture = np.flatnonzero(np.ptp(inside.astype(int), axis=1) > 200)
    assert len(picture) == pytest.approx(TILE / 3, abs=2)


def test_the_same_seed_draws_the_same_sheet_and_another_seed_another(index, tmp_path):
    for label, name in enumerate(("Normal", "Opacity")):
        for number in range(5):
            path = index.root / name / f"{number}.png"
            Image.eval(
                gradient(200, 200), lambda v, n=number, k=label: v * (n + 1) // (5 + k)
            ).save(path)
    first = drawn(index, tmp_path / "1.png", per_class=2)
    again = drawn(index, tmp_path / "2.png", per_class=2)
    others = [drawn(index, tmp_path / "3.png", per_class=2, seed=seed) for seed in (1, 2, 3)]
    np.testing.assert_array_equal(first, again)
    assert any((first != other).any() for other in others)


def test_a_class_with_fewer_images_leaves_its_row_short(index, tmp_path):
    page = drawn(index, tmp_path / "sheet.png", per_class=8)
    assert (tile(page, 0, 5) == 255).all()
    assert np.ptp(tile(page, 0, 4).astype(int)) > 200


def test_an_unreadable_image_is_an_empty_tile(index, tmp_path):
    for number in range(5):
        (index.root / "Normal" / f"{number}.png").write_bytes(b"not an image")
    page = drawn(index, tmp_path / "sheet.png", per_class=2)
    assert (tile(page, 0, 0)[2:-2, 2:-2] == 255).all()


def test_a_long_file_name_is_cut_to_its_tile(index, tmp_path):
    (index.root / "Normal" / f"{'long' * 40}.png").write_bytes(
        (index.root / "Normal" / "0.png").read_bytes()
    )
    page = drawn(Index.open(index.root), tmp_path / "sheet.png", per_class=6)
    for column in range(6):
        gap = MARGIN + column * (TILE + GAP) + TILE
        assert (page[:, gap : gap + GAP - 1] > 200).all() or column == 5
    assert (page[:, -MARGIN:] == 255).all()


def test_a_file_name_of_any_letters_is_drawn(tmp_path):
    for name in ("A/new\nline.png", "A/ünïcödé.png", "B/плёнка.png"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)).save(path)
    draw_contact_sheet(Index.open(tmp_path / "data"), tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
