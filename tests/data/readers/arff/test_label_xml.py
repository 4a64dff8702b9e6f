import pytest

from lopsided.data import DataError
from lopsided.data.readers.arff.label_xml import read_label_names


@pytest.fixture
def read(tmp_path):
    def write_and_read(text):
        path = tmp_path / "toy.xml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_label_names(path)

    return write_and_read


def test_names_are_read_in_the_order_of_the_document_nested_ones_too(read):
    assert read(
        '<?xml version="1.0"?><labels xmlns="http://mulan.sourceforge.net/labels"><label name="b"><label name="b.a"/>'
        '<label name="b.b"></label></label><!-- c --><label name="a &amp; &#x1F98A;"/></labels>'
    ) == ("b", "b.a", "b.b", "a & 🦊")


def test_labels_without_a_namespace_are_read(read):
    assert read('<labels><label name="x"/></labels>') == ("x",)


def test_the_declared_encoding_holds(read):
    assert read('<?xml version="1.0" encoding="ISO-8859-1"?><labels><label name="é"/></labels>'.encode("latin-1")) == (
        "é",
    )
    assert read('<?xml version="1.0" encoding="UTF-16"?><labels><label name="é"/></labels>'.encode("utf-16")) == ("é",)


BOMB = '<!DOCTYPE labels [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><labels><label name="&b;"/></labels>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "text", [BOMB, '<!DOCTYPE labels SYSTEM "file:///etc/hostname"><labels/>', "<!DOCTYPE labels><labels/>"]
)
def test_document_types_and_entities_are_refused_in_every_encoding(read, text, encoding):
    with pytest.raises(DataError, match="document type declarations are refused"):
        read(text.encode(encoding))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected XML, got no element found"),
        ("<labels>", "line 1: expected XML"),
        ("<labels>\n<label name='a'></labels>", "line 2: expected XML, got mismatched tag"),
        ("<labels>\n<label/></labels>", "line 2: expected a name on each <label>"),
        ("<labels/>", 'expected <label name="..."> elements, got none'),
        ("<labels><label name='&x;'/></labels>", "expected XML, got undefined entity"),
        ('<?xml version="1.0" encoding="klingon"?><labels/>', "toy.xml"),
        ('<?xml version="1.0" encoding="shift_jis"?><labels/>', "toy.xml"),
        (b"\xff\xfe\x00", "toy.xml"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line(read, text, message):
    with pytest.raises(DataError, match=message) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.xml: cannot be read"):
        read_label_names(tmp_path / "none.xml")
