import pytest

from lopsided.data import DataError
from lopsided.data.readers.annotation_tools.label_studio import read_label_studio
from tests.data.readers.layout_files import read, touch, write

LINK = "/data/upload/3/0a1b2c3d-{}"


def choice(*names, tag="mood", kind="choices"):
    return {"from_name": tag, "to_name": "img", "type": kind, "value": {kind: list(names)}, "id": "x"}


def annotation(*results, **more):
    return {"id": 1, "completed_by": 2, "result": list(results), "was_cancelled": False, "ground_truth": False, **more}


def task(number, image, *annotations, **data):
    return {
        "id": number,
        "data": {"image": image, **data},
        "annotations": list(annotations),
        "predictions": [{"result": [choice("guessed")]}],
        "project": 1,
    }


@pytest.fixture
def file(tmp_path):
    touch(tmp_path, "images/a.jpg", "images/0a1b2c3d-b.jpg", "images/sub/c.jpg", "d.jpg")
    return tmp_path / "export.json"


def read_tasks(file, *tasks, **options):
    write(file.parent, {file.name: list(tasks)})
    return read_label_studio(file, **options)


def test_choices_are_labels_and_links_are_files_by_their_ends(file):
    data = read_tasks(
        file,
        task(1, LINK.format("a.jpg"), annotation(choice("sunny", "warm"))),
        task(2, LINK.format("b.jpg"), annotation(choice("warm"))),
        task(3, "/data/local-files/?d=photos/sub/c.jpg", annotation()),
        task(4, "s3://bucket/d.jpg", annotation(choice("cold"))),
    )
    assert read(data) == {
        "images/a.jpg": ("train", ["sunny", "warm"]),
        "images/0a1b2c3d-b.jpg": ("train", ["warm"]),
        "images/sub/c.jpg": ("train", []),
        "d.jpg": ("train", ["cold"]),
    }
    assert data.labels.names == ("cold", "sunny", "warm")
    assert data.notes == ()


THREE = (annotation(choice("a", "b")), annotation(choice("a", "c")), annotation(choice("a", "b")))


@pytest.mark.parametrize(
    ("annotators", "annotations", "labels"),
    [
        ("majority", THREE, ["a", "b"]),
        ("any", THREE, ["a", "b", "c"]),
        ("all", THREE, ["a"]),
        ("majority", THREE[:2], ["a", "b?", "c?"]),
        ("majority", (THREE[0], annotation()), ["a?", "b?"]),
    ],
)
def test_several_annotations_of_an_image_are_joined_as_the_option_says(file, annotators, annotations, labels):
    data = read_tasks(file, task(1, "images/a.jpg", *annotations), annotators=annotators)
    assert read(data) == {"images/a.jpg": ("train", labels)}
    assert data.notes[0].startswith("1 of 1 tasks have several annotations: a label is positive where ")


def test_cancelled_annotations_do_not_count_and_ground_truth_counts_alone(file):
    skipped = annotation(choice("no"), was_cancelled=True)
    data = read_tasks(
        file,
        task(1, "images/a.jpg", skipped, annotation(choice("yes"))),
        task(2, "d.jpg", annotation(choice("no")), annotation(choice("yes"), ground_truth=True)),
    )
    assert read(data) == {"images/a.jpg": ("train", ["yes"]), "d.jpg": ("train", ["yes"])}


def test_tasks_without_annotation_are_left_out_unless_they_are_to_be_kept(file):
    tasks = (task(1, "images/a.jpg", annotation(choice("a"))), task(2, "d.jpg"))
    data = read_tasks(file, *tasks)
    assert list(read(data)) == ["images/a.jpg"]
    assert data.notes == ("1 of 2 tasks have no annotation and are left out (--data.unannotated drop)",)
    assert read(read_tasks(file, *tasks, unannotated="keep"))["d.jpg"] == ("train", [])


def test_labels_of_regions_count_and_of_several_control_tags_one_is_chosen(file):
    box = choice("cat", tag="box", kind="rectanglelabels")
    one = task(1, "images/a.jpg", annotation(choice("sunny"), box, box))
    with pytest.raises(DataError, match=r"got 'box' \(1 times\) and 'mood' \(1 times\): say --data.labels_column box"):
        read_tasks(file, one)
    assert read(read_tasks(file, one, labels_column="box"))["images/a.jpg"] == ("train", ["cat"])
    assert read(read_tasks(file, one, labels_column="mood"))["images/a.jpg"] == ("train", ["sunny"])
    with pytest.raises(DataError, match=r"control tag 'boxes' \(data.labels_column\), got 'box', 'mood'"):
        read_tasks(file, one, labels_column="boxes")


def test_images_may_be_said_to_lie_elsewhere(file):
    write(file.parent, {"exports/x.json": [task(1, "s3://x/a.jpg", annotation(choice("a")))]})
    data = read_label_studio(file.parent / "exports/x.json", image_folder="../images")
    assert list(read(data)) == ["a.jpg"]
    assert data.path(0).is_file()


def test_images_that_lie_nowhere_are_looked_for_by_name(file):
    with pytest.raises(DataError, match=r"such as 0a1b2c3d-z.jpg, got none of 1; --data.image_folder says where they are"):
        read_tasks(file, task(1, LINK.format("z.jpg"), annotation(choice("a"))))


def test_a_split_in_the_data_of_all_tasks_counts(file):
    data = read_tasks(
        file,
        task(1, "images/a.jpg", annotation(choice("a")), split="train"),
        task(2, "d.jpg", annotation(choice("a")), split="validation"),
    )
    assert data.splits.tolist() == ["train", "val"]


def test_json_min_lists_each_annotation_by_itself(file):
    about = {"annotator": 1, "annotation_id": 5, "created_at": "2024", "updated_at": "2024", "lead_time": 2.5}
    data = read_tasks(
        file,
        {"image": "/data/upload/3/a.jpg", "id": 1, "mood": {"choices": ["sunny", "warm"]}, **about},
        {"image": "/data/upload/3/a.jpg", "id": 1, "mood": "warm", **about},
        {"image": "/data/upload/3/d.jpg", "id": 2, "mood": "cold", **about},
        {"image": "/data/upload/3/c.jpg", "id": 3, **about},
    )
    assert read(data) == {
        "images/a.jpg": ("train", ["sunny?", "warm"]),
        "d.jpg": ("train", ["cold"]),
        "c.jpg": ("train", []),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "expected an export of Label Studio, a list of tasks, got 1"),
        ("[]", "expected an export of Label Studio, a list of tasks, got []"),
        (
            '[{"id": 7, "data": 3, "annotations": []}]',
            "task 7: expected data, an object with the link of an image, got 3",
        ),
        (
            '[{"id": 7, "data": {"text": "hello"}}]',
            "task 7: expected the link of one image, such as data.image, got a t",
        ),
        (
            '[{"id": 7, "data": {"image": "a.jpg"}, "annotations": 3}]',
            "task 7: expected annotations, a list of objects",
        ),
        ([task(7, "a.jpg", {"result": 3})], "task 7: expected the result of an annotation, a list of objects, got 3"),
        ([task(7, "a.jpg", annotation(choice(3)))], "task 7: expected names of labels, got 3"),
        ([task(7, "a.jpg"), task(8, "a.jpg")], "expected each image in one task, got 'a.jpg' in 7 and in 8"),
        ([task(7, "../../a.jpg", annotation(choice("a")))], "task 7: expected a path that stays in its folder, got"),
        ([task(7, "a.jpg"), {"image": "b.jpg", "id": 8}], "expected tasks of one form, JSON or JSON_MIN, got both"),
        (
            [task(7, "a.jpg", annotation(choice("a"))), task(7, "nowhere/a.jpg", annotation(choice("a")))],
            "a.jpg' twice",
        ),
        ('[{"id": NaN}]', "export.json: expected numbers that JSON has, got NaN"),
        ('[\n{"id": 1},\n', "export.json, line 3: expected JSON, got"),
    ],
)
def test_what_is_no_export_is_refused_with_the_task(file, content, message):
    write(file.parent, {file.name: content})
    with pytest.raises(DataError) as error:
        read_label_studio(file)
    assert message in str(error.value)
