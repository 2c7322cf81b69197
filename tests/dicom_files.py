"""DICOM files made by the tests of `lungscope.images.dicom*`, in every transfer syntax."""

import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import dcmread, dcmwrite, uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame

ROWS, COLUMNS = 70, 90
RAMP8 = (np.add.outer(np.arange(ROWS) * 2, np.arange(COLUMNS)) % 256).astype(np.uint8)
RAMP12 = (np.add.outer(np.arange(ROWS) * 700, np.arange(COLUMNS) * 181) % 4096).astype(np.uint16)
RAMP16 = np.add.outer(np.arange(ROWS) * 700, np.arange(COLUMNS) * 181).astype(np.uint16)
EVERY_VALUE = np.arange(65536, dtype=np.uint16).reshape(256, 256)

NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
LOSSLESS = (
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
)
IDENTIFIERS = {
    "PatientName": "Kowalczyk^Zenobia",
    "PatientID": "PID-774411",
    "PatientBirthDate": "19310704",
    "PatientAddress": "Lindenallee 77",
    "OtherPatientIDs": "PID-998877",
    "PatientComments": "Cousin of Hoffmann",
    "StudyDate": "20190228",
    "StudyID": "SID-3366",
    "StudyDescription": "Follow-up for Kowalczyk",
    "AccessionNumber": "ACC-5544",
    "ReferringPhysicianName": "Quartermain^Ottilie",
    "OperatorsName": "Vandenberghe^Joost",
    "StationName": "XRAY-ROOM-9",
    "DeviceSerialNumber": "SN-664422",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.11111",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.22222",
    "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.33333",
    "InstitutionName": "St. Hedwig",
}


def dataset(samples, bits=None, **elements):
    """A chest radiograph with the given stored values and elements; None takes one away."""
    bits = bits or samples.dtype.itemsize * 8
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    values = {
        "SOPClassUID": uid.DigitalXRayImageStorageForPresentation,
        **IDENTIFIERS,
        "Modality": "DX",
        "BodyPartExamined": "CHEST",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": samples.shape[0],
        "Columns": samples.shape[1],
        "BitsAllocated": samples.dtype.itemsize * 8,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(samples.dtype.kind == "i"),
        **elements,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(made, keyword, value)
    made.PixelData = samples.tobytes()
    made["PixelData"].VR = "OW"
    return made


def item(first, entries, bits, dtype="<u2"):
    """An item of a Modality or VOI LUT Sequence."""
    made = Dataset()
    made.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries) % 65536, first, bits])
    made.ModalityLUTType = "US"
    made.add_new("LUTData", "OW", np.asarray(entries).astype(dtype).tobytes())
    return made


def written(made, syntax=uid.ExplicitVRLittleEndian):
    """The bytes of a data set in a transfer syntax; it comes uncompressed and little-endian."""
    if syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1):
        return _lossless_jpeg(written(made), syntax)
    made.file_meta.TransferSyntaxUID = syntax
    if syntax == uid.ExplicitVRBigEndian:
        made.PixelData = np.frombuffer(made.PixelData, "<u2").byteswap().tobytes()
    elif syntax.is_compressed and syntax != uid.DeflatedExplicitVRLittleEndian:
        made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        made.compress(syntax, generate_instance_uid=False)
    buffer = BytesIO()
    dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def frame_of(content):
    """The codestream of a compressed file."""
    return get_frame(dcmread(BytesIO(content)).PixelData, 0, number_of_frames=1)


def with_frame(made, frame, syntax, *, frames=1, fragments=1):
    """The bytes of a data set whose pixels are a codestream."""
    made.PixelData = encapsulate([frame] * frames, fragments)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    encoding = {"implicit_vr": False, "little_endian": True} if syntax.is_private else {}
    dcmwrite(buffer, made, enforce_file_format=True, **encoding)
    return buffer.getvalue()


def jpeg(samples, **options):
    """8-bit samples as baseline JPEG."""
    buffer = BytesIO()
    Image.fromarray(samples).save(buffer, format="JPEG", **options)
    return buffer.getvalue()


def _lossless_jpeg(content, syntax):
    import gdcm

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "a.dcm")
        Path(path).write_bytes(content)
        reader = gdcm.ImageReader()
        reader.SetFileName(path)
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        kind = gdcm.TransferSyntax.GetTSType(str(syntax))
        change.SetTransferSyntax(gdcm.TransferSyntax(kind))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(path)
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return Path(path).read_bytes()
