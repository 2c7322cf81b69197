"""Which acquisitions are read, what is told of them, and what never is."""

import logging
import pickle
import re
import traceback
import warnings
from dataclasses import replace

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from dicom_files import (
    IDENTIFIERS,
    LOSSLESS,
    RAMP8,
    dataset,
    frame_of,
    jpeg,
    with_frame,
    written,
)
from lungscope.errors import UnreadableImage, UnwantedImage
from lungscope.images import ANYTHING, CHEST_RADIOGRAPHS, Identifiers
from lungscope.images import read as read_file


def coded(value):
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator = value, "SRT"
    return made


@pytest.fixture
def read(tmp_path):
    def of(accept=CHEST_RADIOGRAPHS, **elements):
        path = tmp_path / "image"
        path.write_bytes(written(dataset(RAMP8, **elements)))
        return read_file(path, accept=accept)

    return of


class TestWhatIsTold:
    def test_modality_body_part_view_and_laterality(self, read):
        radiograph = read(
            ViewPosition="PA", ImageLaterality="U", PresentationIntentType="FOR PRESENTATION"
        )
        told = radiograph.acquisition
        assert (told.modality, told.body_part, told.view_position) == ("DX", "CHEST", "PA")
        assert (told.laterality, told.intent) == ("U", "FOR PRESENTATION")

    def test_laterality_of_the_series_where_the_image_has_none(self, read):
        assert read(Laterality="R").acquisition.laterality == "R"
        assert read(Laterality="R", ImageLaterality="L").acquisition.laterality == "L"

    @pytest.mark.parametrize("value", ["", None])
    def test_nothing_where_the_file_says_nothing(self, read, value):
        told = read(BodyPartExamined=value, ViewPosition=value).acquisition
        assert told.body_part is None
        assert told.view_position is None

    @pytest.mark.parametrize(
        ("code", "view"),
        [("R-10214", "PA"), ("399348003", "AP"), ("R-10202", "FRONTAL"), ("R-10236", "LL")],
    )
    def test_a_coded_view_where_there_is_no_view_position(self, read, code, view):
        assert read(ANYTHING, ViewCodeSequence=[coded(code)]).acquisition.view_position == view
        both = read(ViewPosition="AP", ViewCodeSequence=[coded(code)])
        assert both.acquisition.view_position == "AP"

    @pytest.mark.parametrize("code", ["R-10242", "Kowalczyk", ""])
    def test_no_view_for_another_code(self, read, code):
        assert read(ViewCodeSequence=[coded(code)]).acquisition.view_position is None
        assert read(ViewCodeSequence=[]).acquisition.view_position is None

    def test_only_code_strings(self, tmp_path):
        content = written(dataset(RAMP8, ViewPosition="ABCDEFGH"))
        (tmp_path / "image").write_bytes(content.replace(b"ABCDEFGH", b"Mr. Kow."))
        assert read_file(tmp_path / "image").acquisition.view_position is None

    def test_another_format_tells_nothing(self, tmp_path):
        (tmp_path / "a.jpg").write_bytes(jpeg(RAMP8))
        assert read_file(tmp_path / "a.jpg").acquisition is None


class TestPolicy:
    @pytest.mark.parametrize("modality", ["CR", "DR", "DX"])
    def test_computed_and_digital_radiographs_are_read(self, read, modality):
        assert read(Modality=modality).acquisition.modality == modality

    @pytest.mark.parametrize("modality", ["CT", "MG", "OT", "US"])
    def test_other_modalities_are_refused_unless_anything_is_accepted(self, read, modality):
        with pytest.raises(UnreadableImage, match=f"its modality is {modality}, not CR, DR or DX"):
            read(Modality=modality)
        assert read(ANYTHING, Modality=modality).acquisition.modality == modality

    def test_no_modality_is_refused_too(self, read):
        with pytest.raises(UnreadableImage, match="its modality is not stated"):
            read(Modality=None)
        assert read(ANYTHING, Modality=None).acquisition.modality is None

    @pytest.mark.parametrize("part", ["SKULL", "KNEE", "ABDOMEN", "HAND", "LSPINE", "BREAST"])
    def test_another_body_part_is_refused_unless_anything_is_accepted(self, read, part):
        with pytest.raises(UnreadableImage, match=rf"another body part \({part}\)"):
            read(BodyPartExamined=part)
        assert read(ANYTHING, BodyPartExamined=part).acquisition.body_part == part

    @pytest.mark.parametrize("part", ["CHEST", "THORAX", "LUNG", "PORT CHEST", "UNKNOWN", None, ""])
    def test_a_chest_or_what_may_be_one_is_read(self, read, part):
        assert read(BodyPartExamined=part).width == RAMP8.shape[1]

    def test_raw_detector_values_are_refused_unless_anything_is_accepted(self, read):
        with pytest.raises(UnreadableImage, match="FOR PROCESSING: detector values"):
            read(PresentationIntentType="FOR PROCESSING")
        assert read(ANYTHING, PresentationIntentType="FOR PROCESSING").bits == 8

    @pytest.mark.parametrize("view", ["LL", "RL", "LATERAL", "LLO", "LEFT LATERAL"])
    def test_a_view_that_is_not_frontal_is_refused_unless_anything_is_accepted(self, read, view):
        with pytest.raises(UnreadableImage, match=f"{view}, which is no frontal view"):
            read(ViewPosition=view)
        assert read(ANYTHING, ViewPosition=view).acquisition.view_position == view

    @pytest.mark.parametrize("view", ["PA", "AP", "RLD", "LLD", "AP SUPINE", None, ""])
    def test_a_frontal_view_or_what_may_be_one_is_read(self, read, view):
        assert read(ViewPosition=view).acquisition.view_position == (view or None)

    @pytest.mark.parametrize(
        ("elements", "code"),
        [
            ({"Modality": "CT"}, "modality"),
            ({"BodyPartExamined": "KNEE"}, "body-part"),
            ({"ViewPosition": "LL"}, "view-position"),
            ({"PatientOrientation": ["A", "F"]}, "patient-orientation"),
            ({"PresentationIntentType": "FOR PROCESSING"}, "presentation-intent"),
        ],
    )
    def test_a_refusal_that_anything_would_lift_has_a_class_and_a_code(self, read, elements, code):
        with pytest.raises(UnwantedImage) as caught:
            read(**elements)
        copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
        assert (type(copy), str(copy)) == (UnwantedImage, str(caught.value))
        assert caught.value.code == copy.code == code

    def test_a_refusal_that_nothing_would_lift_is_not(self, read):
        with pytest.raises(UnreadableImage) as caught:
            read(Rows=None)
        assert not isinstance(caught.value, UnwantedImage)

    def test_a_policy_of_ones_own(self, read):
        only_cr = replace(ANYTHING, modalities=frozenset({"CR"}))
        with pytest.raises(UnreadableImage, match="DX, not CR"):
            read(only_cr)


class TestIdentifiers:
    def test_they_are_told_to_who_asks(self, read):
        assert read().identifiers == Identifiers(
            patient_id="PID-774411",
            study_instance_uid="1.2.826.0.1.3680043.8.498.11111",
            series_instance_uid="1.2.826.0.1.3680043.8.498.22222",
            sop_instance_uid="1.2.826.0.1.3680043.8.498.33333",
            accession_number="ACC-5544",
        )

    def test_and_printed_to_no_one(self, read):
        radiograph = read()
        for printed in (
            repr(radiograph),
            repr(radiograph.identifiers),
            str(radiograph.acquisition),
        ):
            assert_anonymous(printed)

    def test_they_survive_the_way_back_from_a_worker(self, read):
        radiograph = read()
        copy = pickle.loads(pickle.dumps(radiograph))  # noqa: S301
        assert copy.identifiers == radiograph.identifiers
        assert copy.acquisition == radiograph.acquisition

    def test_none_where_the_file_has_none(self, read):
        absent = dict.fromkeys(set(IDENTIFIERS) - {"SOPInstanceUID"})  # no file is without one
        instance = IDENTIFIERS["SOPInstanceUID"]
        assert read(**absent).identifiers == Identifiers(sop_instance_uid=instance)

    def test_another_format_has_none(self, tmp_path):
        (tmp_path / "a.jpg").write_bytes(jpeg(RAMP8))
        assert read_file(tmp_path / "a.jpg").identifiers is None

    @pytest.mark.parametrize(
        "value", [b"PID\x1b[31m11", b"PID\n774411", b"PID-7744\xfc1", b"\0\0\0\0\0\0\0\0\0\0"]
    )
    def test_a_text_that_does_not_print_is_taken_as_absent(self, tmp_path, value):
        content = written(dataset(RAMP8)).replace(b"PID-774411", value)
        (tmp_path / "image").write_bytes(content)
        assert read_file(tmp_path / "image").identifiers.patient_id is None

    def test_a_text_too_long_is_taken_as_absent(self, tmp_path):
        content = written(dataset(RAMP8, PatientComments=None))
        place = content.index(b"\x10\0\x20\0LO") + 6
        longer = content[:place] + b"\x48\0" + b"A" * 62 + content[place + 2 :]
        (tmp_path / "image").write_bytes(longer)
        assert read_file(tmp_path / "image").identifiers.patient_id is None

    def test_what_is_no_uid_is_taken_as_absent(self, tmp_path):
        content = written(dataset(RAMP8)).replace(b"498.33333", b"498.3<b>3")
        (tmp_path / "image").write_bytes(content)
        assert read_file(tmp_path / "image").identifiers.sop_instance_uid is None


WHOLE = written(dataset(RAMP8))
FILES = {
    "good": WHOLE,
    "good, JPEG-LS": written(dataset(RAMP8), uid.JPEGLSLossless),
    "cut in the header": WHOLE[: WHOLE.index(b"Lindenallee") + 3],
    "cut in the pixels": WHOLE[:-1000],
    "no pixels": WHOLE[: WHOLE.index(b"\xe0\x7f\x10\0")],
    "modality": written(dataset(RAMP8, Modality="CT")),
    "body part": written(dataset(RAMP8, BodyPartExamined="KNEE")),
    "view": written(dataset(RAMP8, ViewPosition="LL")),
    "raw values": written(dataset(RAMP8, PresentationIntentType="FOR PROCESSING")),
    "frames": written(dataset(RAMP8, NumberOfFrames=7)),
    "colour": written(dataset(RAMP8, PhotometricInterpretation="RGB")),
    "missing": written(dataset(RAMP8, Rows=None)),
    "too small": written(dataset(RAMP8[:9])),
    "too large": written(dataset(RAMP8, Rows=60000, Columns=60000)),
    "bits": written(dataset(RAMP8, BitsStored=9)),
    "high bit": written(dataset(RAMP8, HighBit=3)),
    "another length": written(dataset(RAMP8, Rows=71)),
    "blank": written(dataset(np.zeros_like(RAMP8))),
    "window": written(dataset(RAMP8, WindowCenter="1", WindowWidth="0")),
    "rescale": written(dataset(RAMP8, RescaleSlope="0")),
    "shape": written(dataset(RAMP8, PresentationLUTShape="LIN OD")),
    "MPEG": with_frame(dataset(RAMP8), jpeg(RAMP8), uid.MPEG2MPML),
    "fragments": with_frame(dataset(RAMP8), jpeg(RAMP8), uid.JPEGBaseline8Bit, frames=2),
    **{
        f"damaged {syntax.keyword}": with_frame(
            dataset(RAMP8), frame_of(written(dataset(RAMP8), syntax))[:-90], syntax
        )
        for syntax in LOSSLESS
    },
    "damaged JPEG": with_frame(dataset(RAMP8), jpeg(RAMP8)[:-90], uid.JPEGBaseline8Bit),
    "no JPEG 2000": with_frame(dataset(RAMP8), b"\0" * 100, uid.JPEG2000),
    "a body part against its VR": WHOLE.replace(b"CHEST ", b"a\\b\xffc "),
    "a transfer syntax that names": WHOLE.replace(
        b"1.2.840.10008.1.2.1\0", b"Kowalczyk^Zenobia  \0"
    ),
    **{  # which pydicom would print
        f"{keyword} against its VR": WHOLE.replace(value.encode(), b"\xff\x01" + value.encode()[2:])
        for keyword, value in IDENTIFIERS.items()
    },
}


@pytest.mark.parametrize("way", FILES)
def test_no_message_warning_log_or_traceback_identifies_anyone(tmp_path, caplog, capfd, way):
    caplog.set_level(logging.DEBUG)
    (tmp_path / "image").write_bytes(FILES[way])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            seen = repr(read_file(tmp_path / "image"))
        except UnreadableImage as error:
            seen = "\n".join(
                [*traceback.format_exception(error), repr(error), repr(error.__cause__)]
            )
    warned = "\n".join(str(each.message) for each in caught)
    assert_anonymous("\n".join([seen, warned, caplog.text, *capfd.readouterr()]))


def assert_anonymous(text):
    for value in IDENTIFIERS.values():
        for word in (value, value[2:], *re.split(r"[\^ ]", value)):
            assert len(word) < 4 or word not in text
