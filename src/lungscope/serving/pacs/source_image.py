"""Elements of patient and study that results repeat from their source image.

Texts are copied byte for byte with their character set and never decoded: what an archive matches
patients by stays as it was, and no name passes through a conversion whose warning might quote it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from pydicom import dcmread, uid
from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from lungscope.errors import LungscopeError

LONGEST_TEXT = 1024
"""Largest element, bytes; names in three alphabets take a few hundred."""

_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_IDENTITY = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber"),
    *("ReferringPhysicianName", "TimezoneOffsetFromUTC"),
)
_MUST_BE_THERE = (  # Type 2 of the modules Patient and General Study (PS3.3 C.7.1.1, C.7.2.1)
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
_CHARACTER_SET = "SpecificCharacterSet"
_BURNED_IN = "BurnedInAnnotation"
_PATIENT_ID = "PatientID"
_OFFSET = "TimezoneOffsetFromUTC"
_LOSSY = "LossyImageCompression"
_LOSSY_DETAILS = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
_LOSSY_SYNTAXES = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless)
_MADE = (("ContentDate", "ContentTime"), ("InstanceCreationDate", "InstanceCreationTime"))
_MISSPELT = re.compile(r"ISO[ _-](?P<extended>2022[ _-])?IR[ _-](?P<number>\d{1,3})")
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_FORMS = {
    "DA": re.compile(rb"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
    "TM": re.compile(rb"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"),
    "CS": re.compile(rb"[A-Z0-9_ ]{1,16}"),
}
_OFFSET_FORM = re.compile(rb"[+-](0\d|1[0-4])([0-5]\d)")
_LOSSY_FORMS = (re.compile(r"[0-9.]{1,16}(\\[0-9.]{1,16})*"), re.compile(r"[A-Z0-9_ \\]{1,64}"))


class MissingIdentifiers(LungscopeError):
    """A source image whose identifiers, to which a result must refer, are missing or too long."""


@dataclass(frozen=True, eq=False, repr=False)
class SourceImage:
    """A source image without its pixels.

    Attributes:
        sop_class, sop_instance, study, series: UIDs of the image.
        instance_number: number in its series, >= 1; 1 if it has none.
        burned_in: "YES" or "NO" if the image says whether its pixels identify the patient
            (PS3.3 C.7.6.1); else "".
        identity: raw elements of patient and study, by keyword.
        lossy: elements that say how its pixels were compressed with loss; empty if they were not.
    """

    sop_class: str
    sop_instance: str
    study: str
    series: str
    instance_number: int
    burned_in: str
    identity: dict[str, RawDataElement]
    lossy: dict[str, str]

    @classmethod
    def of(cls, content: bytes) -> "SourceImage":
        """Reads the elements from the bytes of a DICOM file.

        Args:
            content: a file that `images.read_content` has read, whose bounds are thus checked.

        Raises:
            MissingIdentifiers: a UID is missing or malformed, or the patient's ID is so long that
                a result would be without it.
        """
        header = dcmread(
            BytesIO(content),
            stop_before_pixels=True,
            specific_tags=[
                *(*_UIDS, *_IDENTITY, _CHARACTER_SET, "InstanceNumber", _BURNED_IN),
                *(_LOSSY, *_LOSSY_DETAILS),
            ],
        )
        uids = {keyword: _value(header, keyword).decode("ascii", "replace") for keyword in _UIDS}
        for keyword, text in uids.items():
            if not is_uid(text):
                raise MissingIdentifiers(
                    f"its {keyword} is missing or malformed, so no result can refer to it"
                )
        if len(_value(header, _PATIENT_ID)) > LONGEST_TEXT:
            raise MissingIdentifiers(
                f"its PatientID is longer than {LONGEST_TEXT:,} bytes, so no result can refer to it"
            )
        number = _value(header, "InstanceNumber")
        burned_in = _value(header, _BURNED_IN).decode("ascii", "replace")
        return cls(
            sop_class=uids["SOPClassUID"],
            sop_instance=uids["SOPInstanceUID"],
            study=uids["StudyInstanceUID"],
            series=uids["SeriesInstanceUID"],
            instance_number=max(1, int(number)) if re.fullmatch(rb"\d{1,9}", number) else 1,
            burned_in=burned_in if burned_in in ("YES", "NO") else "",
            identity={
                keyword: _raw(keyword, value)
                for keyword in (*_IDENTITY, _CHARACTER_SET)
                if _acceptable(keyword, value := _value(header, keyword))
            },
            lossy=_lossy(header),
        )

    def reference(self) -> Dataset:
        """Returns a data set that refers to the image without patient data, for highdicom."""
        made = Dataset()
        made.SOPClassUID, made.SOPInstanceUID = self.sop_class, self.sop_instance
        made.StudyInstanceUID, made.SeriesInstanceUID = self.study, self.series
        for keyword in _MUST_BE_THERE:
            setattr(made, keyword, None)
        return made

    def identify(self, result: Dataset) -> None:
        """Copies the source's patient and study into a result.

        The times at which the result was made are those of the source's time zone, if it has one:
        an offset from UTC is of all times in a data set (PS3.3 C.12.1.1.8).

        Args:
            result: a data set to be written in Explicit VR Little Endian, complete otherwise.
        """
        for keyword in (*_IDENTITY, _CHARACTER_SET):
            if keyword in result:
                del result[Tag(keyword)]
            if keyword in self.identity:
                result[Tag(keyword)] = self.identity[keyword]
            elif keyword in _MUST_BE_THERE:
                setattr(result, keyword, None)
        self._set_times(result)
        # Says that the raw elements may be written as they are.
        result.set_original_encoding(False, True, result._character_set)

    def _set_times(self, result: Dataset) -> None:
        offset = self.identity.get(_OFFSET)
        if offset is None:
            return
        text = (offset.value or b"").strip().decode("ascii")
        now = datetime.now(datetime.strptime(text, "%z").tzinfo)
        for date, time in _MADE:
            if date in result:
                setattr(result, date, now.strftime("%Y%m%d"))
            if time in result:
                setattr(result, time, now.strftime("%H%M%S.%f"))


def is_uid(text: str) -> bool:
    """Returns whether a text is a unique identifier: at most 64 digits and dots (PS3.5 9.1).

    Components with a leading 0, which the standard forbids and some devices write, are accepted.

    Examples:
        >>> is_uid("1.2.840.10008.1.1"), is_uid("../etc/passwd"), is_uid("")
        (True, False, False)
    """
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def _value(header: Dataset, keyword: str) -> bytes:
    element = header.get_item(Tag(keyword))
    if keyword == _CHARACTER_SET and isinstance(element, DataElement):  # pydicom decodes it at once
        values = element.value if isinstance(element.value, MultiValue) else [element.value or ""]
        return "\\".join(_spelled(str(each)) for each in values).encode("ascii", "replace")
    if not isinstance(element, RawDataElement) or not isinstance(element.value, bytes):
        return b""
    return element.value.strip(b"\0 ")


def _spelled(name: str) -> str:
    """Returns the character set that is meant; some devices write "ISO IR 192" for UTF-8."""
    found = _MISSPELT.fullmatch(name.strip())
    if found is None:
        return name
    return f"{'ISO 2022 IR' if found['extended'] else 'ISO_IR'} {found['number']}"


def _lossy(header: Dataset) -> dict[str, str]:
    said = _value(header, _LOSSY) == b"01"
    if not said and header.file_meta.get("TransferSyntaxUID") not in _LOSSY_SYNTAXES:
        return {}
    found = {_LOSSY: "01"}
    for keyword, form in zip(_LOSSY_DETAILS, _LOSSY_FORMS, strict=True):
        text = _value(header, keyword).decode("ascii", "replace")
        if form.fullmatch(text):
            found[keyword] = text
    return found


def _acceptable(keyword: str, value: bytes) -> bool:
    """Returns whether a value may be copied; malformed dates and codes make a result invalid."""
    if not value or len(value) > LONGEST_TEXT:
        return False
    if keyword == _CHARACTER_SET:
        return all(
            part.strip().decode("ascii", "replace") in python_encoding
            for part in value.split(b"\\")
        )
    if keyword == _OFFSET:
        return _OFFSET_FORM.fullmatch(value) is not None
    form = _FORMS.get(dictionary_VR(Tag(keyword)))
    return form is None or form.fullmatch(value) is not None


def _raw(keyword: str, value: bytes) -> RawDataElement:
    padded = value + b" " * (len(value) % 2)
    return RawDataElement(
        Tag(keyword), dictionary_VR(Tag(keyword)), len(padded), padded, 0, False, True
    )
