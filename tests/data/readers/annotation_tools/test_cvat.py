import pytest

from lopsided.data import DataError, DataOptions, read_source
from lopsided.data.readers.annotation_tools.cvat import read_cvat
from tests.data.readers.layout_files import read, touch

LABELS = "".join(
    f"<label><name>{name}</name><color>#fff</color><type>{kind}</type><attributes><attribute><name>size</name>"
    f"<values>small</values></attribute></attributes>{parent}</label>"
    for name, kind, parent in (
        ("dog", "tag", ""),
        ("cat", "any", ""),
        ("sea", "tag", ""),
        ("body", "skeleton", ""),
        ("nose", "points", "<parent>body</parent>"),
    )
)
IMAGES = """
<image id="0" name="a.jpg" width="9" height="9">
  <tag label="sea" source="manual"><attribute name="size">small</attribute></tag>
  <box label="cat" source="manual" occluded="0" xtl="1" ytl="1" xbr="2" ybr="2" z_order="0"></box>
  <box label="cat" xtl="3" ytl="1" xbr="4" ybr="2"></box>
</image>
<image id="1" name="b/c.jpg" width="9" height="9">
  <skeleton label="body"><points label="nose" points="1,2"></points></skeleton>
  <polygon label="dog" points="1,2;3,4;5,6"></polygon>
</image>
<image id="2" name="d.jpg" width="9" height="9"></image>
"""


def document(images=IMAGES, labels=LABELS, owner="task"):
    meta = f"<meta><{owner}><id>1</id><name>pets</name><labels>{labels}</labels></{owner}></meta>" if labels else ""
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>{meta}{images}</annotations>'


@pytest.fixture
def file(tmp_path):
    touch(tmp_path, "images/a.jpg", "images/b/c.jpg", "images/d.jpg")
    (tmp_path / "annotations.xml").write_text(document())
    return tmp_path / "annotations.xml"


def test_tags_and_shapes_give_labels_in_the_declared_order(file):
    data = read_cvat(file)
    assert data.labels.names == ("dog", "cat", "sea", "body")
    assert read(data) == {
        "images/a.jpg": ("train", ["cat", "sea"]),
        "images/b/c.jpg": ("train", ["dog", "body"]),
        "images/d.jpg": ("train", []),
    }
    assert data.notes == (
        "1 of 3 images have no annotation and count as images without labels (--data.unannotated drop leaves them out)",
    )


def test_a_label_of_the_run_that_is_not_declared_is_unknown(file):
    names = ["cow", "dog", "cat", "sea", "body"]
    data = read_source(f"cvat:{file}", DataOptions(validation_share=0), label_names=names)
    assert read(data)["images/a.jpg"] == ("train", ["cow?", "cat", "sea"])


def test_images_without_annotation_may_be_left_out(file):
    data = read_cvat(file, unannotated="drop")
    assert list(read(data)) == ["images/a.jpg", "images/b/c.jpg"]
    assert data.notes == ("1 of 3 images have no annotation and are left out (--data.unannotated keep)",)


def test_subsets_of_a_project_are_splits_with_folders_of_their_own(tmp_path):
    images = "".join(
        f'<image id="0" name="a.jpg" subset="{subset}"><tag label="cat"/></image>'
        for subset in ("Train", "Validation", "default")
    )
    (tmp_path / "annotations.xml").write_text(document(images, owner="project"))
    touch(tmp_path, "images/Train/a.jpg", "images/Validation/a.jpg", "images/default/a.jpg")
    assert read(read_cvat(tmp_path / "annotations.xml")) == {
        "images/Train/a.jpg": ("train", ["cat"]),
        "images/Validation/a.jpg": ("val", ["cat"]),
        "images/default/a.jpg": ("train", ["cat"]),
    }


def test_a_file_that_declares_nothing_has_the_labels_that_occur(file):
    file.write_text(document(labels=""))
    assert read_cvat(file).labels.names == ("body", "cat", "dog", "sea")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            document('\n<image name="a.jpg"><tag label="cow"/></image>'),
            "line 3: expected a label that <meta> declares (d",
        ),
        (document('\n<image name="a.jpg"><tag/></image>'), "line 3: expected a label of each <tag>, got none"),
        (
            document('\n<image name="a.jpg"/>\n<image name="a.jpg"/>'),
            "line 4: expected each image once, got 'a.jpg' aga",
        ),
        (document('\n<image name="../a.jpg"/>'), "line 3: expected a path that stays in its folder, got '../a.jpg'"),
        (document("\n<image/>"), "line 3: expected the path of a file, got ''"),
        (document('<track id="0" label="cat"/>'), 'expected "CVAT for images 1.1", got tracks, as in "CVAT for video"'),
        (document(""), "expected at least one <image>"),
        (
            "<annotation><object/></annotation>",
            'line 1: expected <annotations> first ("CVAT for images 1.1"), got \'anno',
        ),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations/>', "document type declarations are refused, got one"),
        (document()[:-20], "expected XML, got"),
        (document(labels="<label><name> </name></label>"), "expected a <name> in each <label>, got none"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_line(file, content, message):
    file.write_text(content)
    with pytest.raises(DataError) as error:
        read_cvat(file)
    assert message in str(error.value)


def test_images_that_lie_nowhere_are_looked_for_by_name(tmp_path):
    (tmp_path / "annotations.xml").write_text(document())
    with pytest.raises(
        DataError, match=r"expected images such as images/a.jpg \(beside the file, or in --data.image_folder\)"
    ):
        read_cvat(tmp_path / "annotations.xml")


def test_images_may_be_said_to_lie_elsewhere(file, tmp_path):
    (tmp_path / "exports").mkdir()
    file.rename(tmp_path / "exports" / "pets.xml")
    data = read_cvat(tmp_path / "exports" / "pets.xml", image_folder="..")
    assert (data.name, len(data), data.path(0).is_file()) == ("pets", 3, True)
    with pytest.raises(DataError, match=r"expected data.image_folder to be a folder, got none: 'nowhere'"):
        read_cvat(tmp_path / "exports" / "pets.xml", image_folder="nowhere")
