import pytest

from lopsided.data import DataError
from lopsided.data.readers.voc.annotation import read_objects
from tests.data.readers.voc.voc_files import annotation


@pytest.fixture
def read(tmp_path):
    def write_and_read(content):
        path = tmp_path / "000001.xml"
        path.write_text(content)
        return read_objects(path)

    return write_and_read


def test_objects_are_read_and_their_parts_are_not(read):
    assert read(annotation(["person", "tvmonitor"])) == {"person": False, "tvmonitor": False}


def test_a_name_is_difficult_where_all_its_objects_are(read):
    objects = read(annotation(["cat?", "dog?", "cow", "dog", "cat?", "cow?"]))
    assert objects == {"cat": True, "dog": False, "cow": False}


@pytest.mark.parametrize("difficult", ["", "<difficult/>", "<difficult> </difficult>", "<difficult>0</difficult>"])
def test_what_is_not_marked_is_not_difficult(read, difficult):
    assert read(f"<annotation><object>{difficult}<name>\n cat </name></object></annotation>") == {"cat": False}


def test_an_image_may_show_nothing(read):
    assert read("<annotation><folder>VOC2012</folder></annotation>") == {}


def test_a_name_of_one_object_is_not_taken_for_the_next(read):
    with pytest.raises(DataError, match=r"line 2: expected a <name> in each <object>, got none"):
        read("<annotation><object><name>cat</name></object>\n<object><difficult>0</difficult></object></annotation>")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<labels/>", r"line 1: expected <annotation> first, got 'labels'"),
        ("<annotation><object><name></name></object></annotation>", "expected a <name> in each <object>, got none"),
        (
            "<annotation>\n<object><name>a</name><difficult>no</difficult></object></annotation>",
            "line 2: expected 0 or 1 as <difficult>, got 'no'",
        ),
        ("<annotation><object>", "expected XML, got no element found"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "document type declarations are refused"),
    ],
)
def test_a_malformed_file_is_refused_with_its_name_and_line(read, content, message):
    with pytest.raises(DataError, match=r"000001\.xml, line \d: .*") as caught:
        read(content)
    assert message in str(caught.value)


def test_a_name_in_two_forms_of_a_letter_is_one(read):
    assert read(annotation(["caf\u00e9?", "cafe\u0301"])) == {"caf\u00e9": False}
