import pytest

from lopsided.data import DataError
from lopsided.files.xml import parse_xml

BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>'


@pytest.fixture
def events(tmp_path):
    def write_and_read(content):
        path = tmp_path / "toy.xml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        seen = []
        parse_xml(path, start=lambda *event: seen.append(event), end=seen.append, text=seen.append)
        return seen

    return write_and_read


def test_parts_come_in_the_order_of_the_document_without_namespaces(events):
    assert events('<?xml version="1.0"?><a xmlns="http://x.org/y"><b c="&lt;d"/>e &amp; &#x1F98A;<!-- f --></a>') == [
        ("a", {}),
        ("b", {"c": "<d"}),
        "b",
        "e & 🦊",
        "a",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("content", [BOMB, '<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>', "<!DOCTYPE a><a/>"])
def test_document_types_and_entities_are_refused_in_every_encoding(events, content, encoding):
    with pytest.raises(DataError, match=r"toy\.xml, line 1: document type declarations are refused, got one$"):
        events(content.encode(encoding))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: expected XML, got no element found"),
        ("<a>\n<b></a>", "line 2: expected XML, got mismatched tag"),
        ("<a>&x;</a>", "expected XML, got undefined entity"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "toy.xml"),
        (b"\xff\xfe\x00", "toy.xml"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line(events, content, message):
    with pytest.raises(DataError, match=message) as caught:
        events(content)
    assert "\n" not in str(caught.value)


def test_a_refusal_of_the_caller_gets_file_and_line(tmp_path):
    def refuse(name, _):
        if name == "b":
            raise DataError("expected no b, got one")

    (tmp_path / "toy.xml").write_text("<a>\n<b/></a>")
    with pytest.raises(DataError, match=r"toy\.xml, line 2: expected no b, got one$"):
        parse_xml(tmp_path / "toy.xml", start=refuse, end=print, text=print)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.xml: cannot be read: No such file"):
        parse_xml(tmp_path / "none.xml", start=print, end=print, text=print)
