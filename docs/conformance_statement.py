"""Writes the DICOM Conformance Statement of `lungscope pacs` from the tables that the node uses.

python docs/conformance_statement.py             # writes the page in docs/reference/
python docs/conformance_statement.py --check     # fails if it is not up to date

Its outline is that of PS3.2. A test negotiates an association with a node and compares.
"""

# ruff: noqa: E501 - the lines of the page

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydicom.uid import UID
from pynetdicom import (
    DEFAULT_TRANSFER_SYNTAXES,
    PYNETDICOM_IMPLEMENTATION_UID,
    PYNETDICOM_IMPLEMENTATION_VERSION,
)
from pynetdicom.sop_class import Verification

from lungscope.about import DISCLAIMER, __version__
from lungscope.images import TRANSFER_SYNTAXES
from lungscope.serving.pacs.node import (
    CANNOT_UNDERSTAND,
    DOES_NOT_MATCH,
    OUT_OF_RESOURCES,
    STORED,
    SUCCESS,
)
from lungscope.serving.pacs.sending import AT_ONCE, MOST_REFUSALS, RESULT_CLASSES, RESULT_SYNTAXES
from lungscope.serving.pacs.settings import Limits

PAGE = Path(__file__).parent / "reference" / "dicom-conformance-statement.md"
STATUSES = (
    (SUCCESS, "the instance is on disk, or was answered before"),
    (OUT_OF_RESOURCES, "too little space is left, or the disk cannot be written"),
    (DOES_NOT_MATCH, "the SOP Instance UID is malformed"),
    (CANNOT_UNDERSTAND, "there is no data set"),
)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def classes(kinds: Iterable[UID], role: str) -> str:
    """SOP classes with their role."""
    return table(("SOP class", "UID", "role"), ((k.name, f"`{k}`", role) for k in kinds))


def syntaxes(kinds: Iterable[str]) -> str:
    """Transfer syntaxes, in the order in which they are accepted or proposed."""
    return table(("transfer syntax", "UID"), ((UID(k).name, f"`{k}`") for k in kinds))


def page() -> str:
    """The statement."""
    limits = Limits()
    mib = 2**20
    return f"""# DICOM Conformance Statement

`lungscope pacs`, version {__version__}. Written by `docs/conformance_statement.py` from the tables that the node
itself uses, in the outline of PS3.2. {DISCLAIMER}

## Overview

The node receives chest radiographs by C-STORE, classifies each, and sends a Structured Report and a Secondary
Capture with the heatmap to one or several targets. What it receives is kept until that is done, and no longer.

{classes((Verification, *STORED), "SCP")}

{classes(RESULT_CLASSES.values(), "SCU")}

Query/Retrieve, Modality Worklist, MPPS, Storage Commitment, Print and DICOMweb are not supported. Images that the node missed
are fetched over Orthanc's REST interface, which is not DICOM (`--orthanc`).

## Networking

One application entity, `LUNGSCOPE` unless `--ae-title` says otherwise, is SCP and SCU.

### Association policies

- Implementation Class UID `{PYNETDICOM_IMPLEMENTATION_UID}`, Implementation Version Name `{PYNETDICOM_IMPLEMENTATION_VERSION}`;
  application context `1.2.840.10008.3.1.1.1`.
- As SCP: at most {limits.associations} associations at once (`--max-associations`); a request must name the node's own AE title, and one of
  those in `--accept-from` as calling; without that list, the node listens on loopback alone. Maximum PDU {limits.pdu:,} bytes. An
  instance has at most {limits.instance // mib} MiB (`--max-instance`). A connection that is silent for {limits.seconds:.0f} s, or whose message
  takes too long in all, is closed.
- As SCU: one association at a time for each target, with at most {AT_ONCE} results. No asynchronous operations, no role selection, no
  extended negotiation, no user identity.

### Storage as SCP

Every SOP class of the table above is accepted in each of these transfer syntaxes, in this order where a peer proposes several in one
presentation context and leaves the choice; Verification in {", ".join(UID(k).name for k in DEFAULT_TRANSFER_SYNTAXES)}.

{syntaxes(TRANSFER_SYNTAXES)}

Which bits, signs and photometric interpretations are read in each is on the page [DICOM conformance](dicom-conformance.md). Storage is
not complete: elements that no result needs are dropped with the image.

{table(("status of C-STORE", "meaning"), ((f"`0x{code:04X}`", text) for code, text in STATUSES))}

`0x0000` says that the instance will be answered, not that it is a chest radiograph: what is refused has no result, and
`lungscope pacs status` says why. Other bytes under a known SOP Instance UID are a new revision, with results of their own.

### Storage as SCU

A result is sent in one of these transfer syntaxes, again and again with growing delays until the target has it. A status of `0x0000`, a
warning `0xB000`, `0xB006` or `0xB007`, or `0x0111` (duplicate) ends that. After {MOST_REFUSALS} refusals that a retry cannot mend (`0xA9xx`, `0xCxxx`,
`0x0122`, `0x0124`, or no presentation context) the result has failed at that target.

{syntaxes(RESULT_SYNTAXES)}

## Interfaces

TCP/IP, IPv4 or IPv6; port 11112 unless `--port` says otherwise. No media storage.

## Security

TLS 1.2 or later with certificates for both directions (`--tls-cert`, `--tls-key`, `--tls-ca`, `--send-tls`); with a CA, peers must have a
certificate that it signed. Log, queue and status hold no identifier of a patient. [How to run it](../how-to/pacs.md).

## Character sets

Identifying attributes are copied with the character set of the source, byte for byte, where that is one of PS3.3 C.12.1.1.2. Text that
the node makes itself is ASCII.
"""


def main() -> None:
    """Writes the page, or checks it."""
    made = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != made:
        sys.exit(f"{PAGE}: not up to date; run python docs/conformance_statement.py")


if __name__ == "__main__":
    main()
