import json

import pytest

from lopsided.data import DataError
from lopsided.data.readers.coco.file import read_coco_file
from tests.data.readers.coco.coco_files import CATEGORIES, instances, write


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, **settings):
        return read_coco_file(write(tmp_path / "instances.json", content), **settings)

    return write_and_read


def pairs(file):
    """Image path and category name of each annotation that counts."""
    names = list(file.categories.values())
    return [(file.image_paths[row], names[column]) for row, column in zip(file.rows, file.columns, strict=True)]


def of_annotations(*annotations):
    """One image with these annotations, each given by what it adds."""
    content = instances({"a.jpg": [1] * len(annotations)})
    for annotation, added in zip(content["annotations"], annotations, strict=True):
        annotation.update(added)
    return content


def test_categories_are_told_by_identifier_and_ordered_by_it(read):
    file = read(instances({"a.jpg": [90, 1], "b.jpg": [], "c.jpg": [3, 3]}))
    assert file.categories == {1: "person", 3: "car", 90: "toothbrush"}
    assert list(file.categories) == [1, 3, 90]
    assert pairs(file) == [("a.jpg", "toothbrush"), ("a.jpg", "person"), ("c.jpg", "car"), ("c.jpg", "car")]
    assert file.annotated.tolist() == [True, False, True]


def test_outlines_of_every_form_are_read_over(read):
    outlines = [{"segmentation": [[1.5, 2, 3, 4]]}, {"segmentation": {"counts": [3, 4], "size": [2, 2]}}]
    assert len(pairs(read(of_annotations(*outlines)))) == 2


def test_crowds_count_unless_they_are_left_out(read):
    content = of_annotations({"iscrowd": 1}, {"category_id": 3}, {"category_id": 90, "iscrowd": 1})
    assert pairs(read(content)) == [("a.jpg", "person"), ("a.jpg", "car"), ("a.jpg", "toothbrush")]
    file = read(content, crowd=False)
    assert pairs(file) == [("a.jpg", "car")]
    assert file.annotated.tolist() == [True]


def test_an_annotation_without_a_word_about_crowds_is_of_one_object(read):
    content = instances({"a.jpg": [1]})
    del content["annotations"][0]["iscrowd"]
    assert len(pairs(read(content, crowd=False))) == 1


def test_annotations_below_the_area_do_not_count_but_their_image_is_annotated(read):
    file = read(of_annotations({"area": 9.9}, {"area": 10, "category_id": 3}), min_area=10)
    assert pairs(file) == [("a.jpg", "car")]
    assert read(of_annotations({"area": 9.9}), min_area=10).annotated.tolist() == [True]


def test_where_no_area_is_given_it_is_that_of_the_box(read):
    content = of_annotations({"bbox": [5, 5, 2, 4]}, {"bbox": [0, 0, 3, 4], "category_id": 3})
    for annotation in content["annotations"]:
        del annotation["area"]
    assert pairs(read(content, min_area=10)) == [("a.jpg", "car")]


@pytest.mark.parametrize("annotation", [{"area": None}, {"area": "big"}, {"area": -1}, {"area": float("nan")}])
def test_an_area_that_is_none_is_refused_only_where_it_is_needed(read, annotation):
    content = of_annotations(annotation)
    assert len(pairs(read(content))) == 1
    with pytest.raises(
        DataError, match=r"expected an area or a bbox, both at least 0, got .* in annotation 0 \(from 0\)"
    ):
        read(content, min_area=1)


def test_identifiers_may_be_texts(read):
    categories = [{"id": "b", "name": "bee"}, {"id": "a", "name": "ant"}]
    file = read(instances({"a.jpg": ["b"]}, categories=categories))
    assert file.categories == {"a": "ant", "b": "bee"}
    assert pairs(file) == [("a.jpg", "bee")]


def test_a_category_that_only_groups_others_is_known_as_such(read):
    categories = [
        {"id": 0, "name": "hats", "supercategory": "none"},
        {"id": 1, "name": "cap", "supercategory": "hats"},
        {"id": 2, "name": "bowler", "supercategory": "bowler"},
    ]
    assert read(instances({"a.jpg": [1]}, categories=categories)).groups == {0}
    assert read(instances({"a.jpg": [0]}, categories=categories)).groups == set()


def test_a_byte_order_mark_and_escaped_names_are_read(read):
    content = json.dumps(instances({"Übung 🦊.jpg": [1]}))
    assert "\\ud83e" in content
    assert read("\ufeff" + content).image_paths == ["Übung 🦊.jpg"]


@pytest.mark.parametrize("other", [{"id": 11, "file_name": "./a.jpg"}, {"id": 10, "file_name": "a.jpg"}])
def test_an_image_that_is_named_again_is_one_with_all_its_annotations(read, other):
    images = [{"id": 10, "file_name": "a.jpg"}, {"id": 12, "file_name": "b.jpg"}, other]
    found = [(10, 1), (other["id"], 90), (12, 3)]
    annotations = [{"image_id": image, "category_id": category} for image, category in found]
    file = read(instances({}, images=images, annotations=annotations))
    assert file.image_paths == ["a.jpg", "b.jpg"]
    assert pairs(file) == [("a.jpg", "person"), ("a.jpg", "toothbrush"), ("b.jpg", "car")]
    assert file.annotated.tolist() == [True, True]


def test_a_crowd_is_said_by_0_or_1(read):
    assert pairs(read(of_annotations({"iscrowd": True}), crowd=False)) == []
    with pytest.raises(DataError, match=r"expected 0 or 1 as iscrowd, got '1' in annotation 0 \(from 0\)"):
        read(of_annotations({"iscrowd": "1"}), crowd=False)


def test_only_annotated_images_remain_with_their_annotations(read):
    file = read(instances({"a.jpg": [], "b.jpg": [1], "c.jpg": [], "d.jpg": [90, 3]})).only_annotated()
    assert file.image_paths == ["b.jpg", "d.jpg"]
    assert pairs(file) == [("b.jpg", "person"), ("d.jpg", "toothbrush"), ("d.jpg", "car")]
    assert file.annotated.tolist() == [True, True]


@pytest.mark.parametrize(
    ("content", "came"),
    [
        ([{"image_id": 1, "category_id": 1, "score": 0.5}], "a list"),
        ("3", "3"),
        (instances({"a.jpg": []}, annotations=[{"id": 1, "image_id": 10, "caption": "A fox."}]), "captions"),
        (instances({"a.jpg": []}, annotations=[{"image_id": 10, "segments_info": []}]), "panoptic segments"),
        (instances({"a.jpg": [1]}, categories=[{"id": 1, "name": "person", "keypoints": ["nose"]}]), "keypoints"),
        ({"info": {}, "images": [], "categories": []}, "only 'info, images, categories'"),
        ({}, "only ''"),
    ],
)
def test_a_file_of_another_kind_is_told_by_what_it_holds(read, content, came):
    with pytest.raises(
        DataError, match=r"instances\.json: expected instances of objects, with images, .*, got " + came
    ):
        read(content)


@pytest.mark.parametrize("content", ["", "{", '{"images": [{"id": 1', "not json", "[" * 200_000, '{"a": "\udc80"}'])
def test_a_file_that_is_cut_off_or_no_json_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "cut.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(
        DataError, match=r"cut\.json: expected JSON, got .*(is the file complete\?|without end)$"
    ) as caught:
        read_coco_file(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.json: cannot be read: No such file"):
        read_coco_file(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"images": {}}, "expected images to be a list of objects, got {}"),
        ({"annotations": [3]}, "expected annotations to be a list of objects, got 3"),
        ({"images": [], "annotations": []}, "expected at least one entry in images, got none"),
        ({"categories": []}, "expected at least one entry in categories, got none"),
        ({"images": [{"id": 10}]}, r"expected a text as file_name of each of images, got None in number 0 \(from 0\)"),
        ({"images": [{"id": 10, "file_name": "../a.jpg"}]}, "expected a path that stays in its folder, got '../a.jpg'"),
        ({"images": [{"id": 10, "file_name": "/a.jpg"}]}, "expected a path that stays in its folder, got '/a.jpg'"),
        ({"images": [{"file_name": "a.jpg"}]}, "expected a whole number or text as id of each of images, got None"),
        (
            {"images": [{"id": 10, "file_name": f"{i}.jpg"} for i in "ab"]},
            "expected one file for each identifier in images, got 'a.jpg' and 'b.jpg' for 10",
        ),
        ({"categories": [*CATEGORIES, {"id": 3, "name": "van"}]}, "distinct identifiers in categories, got 3 2 times"),
        ({"categories": [{"id": 1, "name": None}]}, "expected a text as name of each of categories, got None"),
        (
            {"annotations": [{"image_id": 11, "category_id": 1}]},
            r"image_id of images, got 11 in annotation 0 \(from 0\)",
        ),
        ({"annotations": [{"image_id": 10, "category_id": 2}]}, "category_id of categories, got 2 in annotation 0"),
        ({"annotations": [{"image_id": 10}]}, "as category_id of each of annotations, got None in number 0"),
        ({"annotations": [{"image_id": [10], "category_id": 1}]}, r"image_id of each of annotations, got \[10\]"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_in_one_line(read, parts, message):
    with pytest.raises(DataError, match=r"instances\.json: .*" + message) as caught:
        read(instances({"a.jpg": [1]}, **{"categories": CATEGORIES, **parts}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "added",
    [{"area": 10**400}, {"area": None, "bbox": [0, 0, 1, 10**400]}, {"area": float("inf")}, {"area": float("nan")}],
    ids=range(4),
)
def test_an_area_that_is_no_number_of_pixels_is_refused(read, added):
    with pytest.raises(DataError, match="expected an area or a bbox, both at least 0, got"):
        read(of_annotations(added), min_area=1)


@pytest.mark.parametrize("start", ["[", '{"images": ['])
def test_lists_in_lists_are_refused(read, start):
    with pytest.raises(DataError, match="expected JSON, got lists in lists without end"):
        read(start + "[" * 100_000)
