"""What an instance held when it came, and which report a new one replaces."""

import hashlib
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage

_GROUP_LENGTH = b"\x02\0\0\0UL\x04\0"
_META = 128 + 4 + len(_GROUP_LENGTH)
_LONGEST_UID = 64


def split_file(content: bytes) -> tuple[memoryview, memoryview]:
    """Splits a DICOM file before its data set: two writers differ in what comes before it.

    Returns:
        The meta header and the data set; the header is empty if it does not state its length.
    """
    view = memoryview(content)
    at = 0
    if content[132:_META] == _GROUP_LENGTH:
        at = min(len(content), _META + 4 + int.from_bytes(view[_META : _META + 4], "little"))
    return view[:at], view[at:]


def content_hash(data_set: bytes | memoryview) -> str:
    """Returns the SHA-256 of a data set as it was received, hexadecimal."""
    return hashlib.sha256(data_set).hexdigest()


@dataclass(frozen=True)
class ReportPlace:
    """Where a report lies.

    Attributes:
        report: its SOP Instance UID.
        series: its Series Instance UID.
        study: Study Instance UID of its image.
    """

    report: str
    series: str
    study: str

    def seal(self, instance: str) -> str:
        """Returns series and study as a text that says nothing without the image's UID.

        The queue is to hold no UID of a patient; a correction brings the UID that opens this.

        Args:
            instance: SOP Instance UID of the image.
        """
        text = f"{self.series} {self.study}".encode().ljust(2 * _LONGEST_UID + 1)
        return _combine(text, _key(instance, self.report, len(text))).hex()

    @classmethod
    def unseal(cls, report: str, sealed: str, instance: str) -> "ReportPlace | None":
        """Opens what `seal` returned; None if it is something else."""
        try:
            content = bytes.fromhex(sealed)
            text = _combine(content, _key(instance, report, len(content))).decode("ascii")
            series, study = text.split()
        except ValueError:
            return None
        return cls(report, series, study)

    def reference(self) -> Dataset:
        """Returns an item of Predecessor Documents Sequence (PS3.3 C.17.2, table C.17-3)."""
        report = Dataset()
        report.ReferencedSOPClassUID = ComprehensiveSRStorage
        report.ReferencedSOPInstanceUID = self.report
        series = Dataset()
        series.SeriesInstanceUID = self.series
        series.ReferencedSOPSequence = [report]
        study = Dataset()
        study.StudyInstanceUID = self.study
        study.ReferencedSeriesSequence = [series]
        return study


def _key(instance: str, report: str, length: int) -> bytes:
    return hashlib.shake_256(f"{instance} {report}".encode()).digest(length)


def _combine(content: bytes, key: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(content, key, strict=True))
