"""Which acquisitions are read, what is told of them, and what never is."""

import logging
import pickle
import warnings

import pytest
from dicom_files import IDENTIFIERS, RAMP8, dataset, jpeg, with_frame, written
from pydicom import uid

from lungscope.images import ANYTHING, CHEST_RADIOGRAPHS, Acquisition, Policy, UnreadableImage
from lungscope.images import read as read_file


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

    def test_only_code_strings(self, tmp_path):
        content = written(dataset(RAMP8, ViewPosition="ABCDEFGH"))
        (tmp_path / "image").write_bytes(content.replace(b"ABCDEFGH", b"Mr. Kow."))
        assert read_file(tmp_path / "image").acquisition.view_position is None

    def test_another_format_tells_nothing(self, tmp_path):
        (tmp_path / "a.jpg").write_bytes(jpeg(RAMP8))
        assert read_file(tmp_path / "a.jpg").acquisition is None


class TestPolicy:
    @pytest.mark.parametrize("modality", ["CR", "DX"])
    def test_computed_and_digital_radiographs_are_read(self, read, modality):
        assert read(Modality=modality).acquisition.modality == modality

    @pytest.mark.parametrize("modality", ["CT", "MG", "OT", "US"])
    def test_other_modalities_are_refused_unless_anything_is_accepted(self, read, modality):
        with pytest.raises(UnreadableImage, match=f"its modality is {modality}, not CR or DX"):
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

    def test_a_policy_of_ones_own(self, read):
        only_cr = Policy(frozenset({"CR"}), frozenset(), frozenset())
        with pytest.raises(UnreadableImage, match="DX, not CR"):
            read(only_cr)


class TestIdentifiers:
    def test_the_instance_is_told_to_who_asks_and_printed_to_no_one(self, read):
        radiograph = read()
        assert radiograph.acquisition.sop_instance_uid == IDENTIFIERS["SOPInstanceUID"]
        for value in IDENTIFIERS.values():
            assert value not in repr(radiograph)
        assert pickle.loads(pickle.dumps(radiograph)).acquisition == radiograph.acquisition  # noqa: S301

    def test_no_message_warning_or_log_has_one(self, tmp_path, caplog, capfd):
        caplog.set_level(logging.DEBUG)
        whole = written(dataset(RAMP8))
        spoilt = [
            whole,
            whole[: len(whole) // 2],
            written(dataset(RAMP8, Modality="CT")),
            written(dataset(RAMP8, Rows=None)),
            with_frame(dataset(RAMP8), jpeg(RAMP8)[:-90], uid.JPEGBaseline8Bit),
            with_frame(dataset(RAMP8), b"\0" * 100, uid.JPEG2000),
            *(  # values that are against their VR, which pydicom would print
                whole.replace(value.encode(), b"\xff\x01" + value.encode()[2:])
                for value in IDENTIFIERS.values()
            ),
            whole.replace(b"CHEST ", b"a\\b\xffc "),
            whole.replace(b"1.2.840.10008.1.2.1\0", b"Kowalczyk^Zenobia  \0"),
        ]
        seen = []
        for content in spoilt:
            (tmp_path / "image").write_bytes(content)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    seen.append(repr(read_file(tmp_path / "image")))
                except UnreadableImage as error:
                    seen.append(str(error))
                    seen.append(repr(error.__cause__))
            seen += [str(each.message) for each in caught]
        everything = "\n".join([*seen, caplog.text, *capfd.readouterr()])
        for value in IDENTIFIERS.values():
            assert value not in everything
            assert value[2:] not in everything

    def test_an_acquisition_prints_no_instance(self):
        assert "1.2.3" not in repr(Acquisition(modality="CR", sop_instance_uid="1.2.3"))
