"""What the bundled segmenter finds on phantoms, and how its files are checked."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lungscope.errors import ModelDamaged
from lungscope.images import Radiograph
from lungscope.inference.lung_segmenter import (
    BUNDLED_SEGMENTER,
    DESCRIPTION,
    GRAPH,
    LungSegmenter,
    SegmenterSettings,
    save_segmenter,
)
from lungscope.phantom.drawing import CLASSES, draw_phantom


def radiograph(pixels) -> Radiograph:
    return Radiograph(np.float32(pixels / 255), Path("drawn.png"), "PNG", "L", 8)


@pytest.fixture(scope="module")
def segmenter() -> LungSegmenter:
    return LungSegmenter.bundled()


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(BUNDLED_SEGMENTER, tmp_path / "lungs")


@pytest.mark.parametrize("seed", range(501, 507))
def test_the_lungs_of_phantoms_are_found_whatever_is_in_them(segmenter, seed):
    drawn = draw_phantom(CLASSES[seed % 3], seed, 224)
    field = segmenter.find(radiograph(drawn.pixels))
    assert field.implausible is None
    both = (field.mask & drawn.lungs).sum()
    assert 2 * both / (field.mask.sum() + drawn.lungs.sum()) > 0.8
    assert 0.03 < field.left_area < 0.3
    assert 0.03 < field.right_area < 0.3


def test_the_mask_has_the_size_of_the_radiograph(segmenter):
    pixels = draw_phantom("Normal", 501, 224).pixels[:, 20:200]
    field = segmenter.find(radiograph(np.ascontiguousarray(pixels)))
    assert field.mask.shape == (224, 180)


def test_exposure_changes_next_to_nothing(segmenter):
    pixels = draw_phantom("Normal", 502, 224).pixels
    light, dark = (segmenter.find(radiograph(pixels * factor)).mask for factor in (1.0, 0.5))
    assert (light != dark).mean() < 0.01


@pytest.mark.parametrize("pixels", [np.zeros((64, 64)), np.full((64, 64), 255.0)])
def test_on_a_blank_image_no_lungs_are_found(segmenter, pixels):
    assert segmenter.find(radiograph(pixels)).implausible is not None


@pytest.mark.parametrize("name", [GRAPH, DESCRIPTION])
def test_a_file_that_is_missing_or_changed_is_refused(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ModelDamaged, match="install lungscope again"):
        LungSegmenter.load(copy)
    (copy / name).unlink()
    with pytest.raises(ModelDamaged, match="install lungscope again"):
        LungSegmenter.load(copy)


def test_a_description_of_another_version_is_refused(copy):
    described = json.loads((copy / DESCRIPTION).read_text())
    (copy / DESCRIPTION).write_text(json.dumps({**described, "version": 2}))
    with pytest.raises(ModelDamaged, match="of another version"):
        LungSegmenter.load(copy)


def test_what_is_saved_is_loaded(segmenter, tmp_path):
    graph = (BUNDLED_SEGMENTER / GRAPH).read_bytes()
    save_segmenter(tmp_path / "new", graph, SegmenterSettings(128, 0.5))
    loaded = LungSegmenter.load(tmp_path / "new")
    assert loaded.settings == SegmenterSettings(128, 0.5)
    assert loaded.sha256 == segmenter.sha256


def test_it_is_small_and_has_a_card():
    assert (BUNDLED_SEGMENTER / GRAPH).stat().st_size < 4e6
    assert "not for diagnosis" in (BUNDLED_SEGMENTER / "card.md").read_text().lower()


def test_classifying_does_not_load_it(tmp_path):
    """In another process, because it is loaded once a process."""
    code = (
        "import sys; from lungscope import Classifier; from PIL import Image; "
        "Image.linear_gradient('L').save('x.png'); Classifier.bundled().predict('x.png'); "
        "sys.exit('lungscope.inference.lung_segmenter' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 0
