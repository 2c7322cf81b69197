"""The DICOM Conformance Statement says what a node really negotiates."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import uid
from pynetdicom import AE, StoragePresentationContexts, build_context
from pynetdicom.sop_class import (
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)

from lungscope.serving.pacs.node import Node

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "dicom-conformance-statement.md"
SYNTAXES = [*uid.AllTransferSyntaxes, uid.DeflatedExplicitVRLittleEndian]
OTHERS = (
    *(ModalityWorklistInformationFind, StorageCommitmentPushModel),
    StudyRootQueryRetrieveInformationModelFind,
)


def section(title):
    """The part of the page under a heading, to the next one."""
    found = re.search(
        rf"^#+ {title}$(.*?)(?=^#|\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found is not None, title
    return found[1]


def uids(text):
    return set(re.findall(r"\| `([0-9.]+)` \|", text))


@pytest.fixture
def node(settings, store):
    made = Node(replace(settings, port=0), store, lambda: None)
    yield made
    made.stop()


def negotiated(node, contexts):
    """Abstract and transfer syntax of each context that the node accepts."""
    entity = AE("MODALITY")
    association = entity.associate("127.0.0.1", node.port, contexts=contexts, ae_title=node._title)
    accepted = {(c.abstract_syntax, c.transfer_syntax[0]) for c in association.accepted_contexts}
    association.release()
    return accepted


def test_it_takes_the_sop_classes_of_the_statement_and_no_others(node):
    stated = {
        line.split("`")[1]
        for line in section("Overview").splitlines()
        if line.startswith("|") and line.endswith("| SCP |")
    }
    every = [*StoragePresentationContexts[:120], *map(build_context, (Verification, *OTHERS))]
    assert {each.abstract_syntax for each in every} >= stated
    assert {kind for kind, _ in negotiated(node, every)} == stated


def test_it_takes_the_transfer_syntaxes_of_the_statement_and_no_others(node):
    contexts = [build_context(uid.ComputedRadiographyImageStorage, each) for each in SYNTAXES]
    accepted = {syntax for _, syntax in negotiated(node, contexts)}
    assert accepted == uids(section("Storage as SCP"))


def test_verification_takes_those_that_the_statement_names(node):
    contexts = [build_context(Verification, each) for each in SYNTAXES]
    accepted = {uid.UID(syntax).name for _, syntax in negotiated(node, contexts)}
    (named,) = re.findall(r"Verification in (.*?)\.\n", section("Storage as SCP"), re.DOTALL)
    assert accepted == set(named.split(", "))
