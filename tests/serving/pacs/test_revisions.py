from pacs_peers import encoded, radiograph

from lungscope.serving.pacs.revisions import ReportPlace, content_hash, split_file

PLACE = ReportPlace("2.25.1", "2.25.2", "1.2.826.0.1.3680043.8.498.9.1")


def test_a_file_is_split_before_its_data_set():
    content = encoded(radiograph())
    header, data_set = split_file(content)
    assert bytes(header) + bytes(data_set) == content
    assert bytes(data_set[:4]) == b"\x08\x00\x16\x00"  # SOP Class UID comes first
    assert bytes(header[128:132]) == b"DICM"


def test_what_has_no_length_of_its_header_is_a_data_set_as_a_whole():
    for content in (b"", b"DICM", bytes(200), bytes(128) + b"DICM" + b"\x02\0\0\0UL\x04\0"):
        header, data_set = split_file(content)
        assert bytes(header) + bytes(data_set) == content


def test_the_header_of_a_file_does_not_count():
    one = radiograph()
    other = radiograph()
    other.file_meta.ImplementationVersionName = "ANOTHER"
    assert encoded(one) != encoded(other)
    assert content_hash(split_file(encoded(one))[1]) == content_hash(split_file(encoded(other))[1])


def test_a_place_is_opened_by_the_uid_of_the_image_alone():
    sealed = PLACE.seal("1.2.3")
    assert PLACE.study not in sealed
    assert b"1.2.826" not in bytes.fromhex(sealed)
    assert ReportPlace.unseal("2.25.1", sealed, "1.2.3") == PLACE
    assert ReportPlace.unseal("2.25.1", sealed, "1.2.4") is None
    assert ReportPlace.unseal("2.25.1", "", "1.2.3") is None
