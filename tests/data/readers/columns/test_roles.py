import pytest

from lopsided.data.readers.columns.roles import Said, listing_roles, table_roles


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Image Index", "Finding Labels", "Follow-up #", "Patient ID"], {"input": 0, "labels": 1, "group": 3}),
        (["image_name", "tags"], {"input": 0, "labels": 1}),
        (["id", "attribute_ids"], {"input": 0, "labels": 1}),
        (["Id", "Target"], {"input": 0, "labels": 1}),
        (["id", "filename", "labels", "set", "subject"], {"input": 1, "labels": 2, "split": 3, "group": 4}),
        (["path", "image", "labels", "tags", "split", "fold"], {"input": 0, "labels": 2, "split": 4}),
        (["Path", "LABELS", "Split", "Unknown"], {"input": 0, "labels": 1, "split": 2, "unknown": 3}),
    ],
)
def test_columns_of_a_listing_are_recognised_by_names_that_people_use(names, expected):
    roles = listing_roles(names)
    found = {role: getattr(roles, role) for role in ("input", "labels", "split", "group", "unknown")}
    assert {role: i for role, i in found.items() if i is not None} == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["image", "filename", "labels"], "got 'image' and 'filename': say which by --data.input_column"),
        (["path", "tags", "Target"], "got 'tags' and 'Target': say which by --data.labels_column"),
        (["path", "labels", "fold", "set"], "got 'fold' and 'set': say which by --data.split_column"),
        (["path", "labels", "patient", "group2", "subject"], "got 'patient' and 'subject': say which by --data.group"),
        (["file_id", "labels"], "expected a column 'path', or one of .* say which by --data.input_column"),
        (["path", "classes"], "got only 'path, classes': say which by --data.labels_column or --data.label_columns"),
        (["path", "label", "x"], "expected no column 'label'; did you mean 'labels'"),
        (["path", "labels", "splits"], "expected no column 'splits'; did you mean 'split'"),
        (["path", "labels", "labels"], "expected distinct column names, got 'labels' 2 times"),
    ],
)
def test_what_is_ambiguous_is_refused_with_the_option_that_settles_it(names, message):
    with pytest.raises(ValueError, match=message):
        listing_roles(names)


def test_what_the_user_says_comes_first():
    names = ["image", "filename", "tags", "labels", "fold", "splits", "Cat", "label:Dog", "patient"]
    said = Said("filename", None, "Cat, label:Dog", "splits", "Patient", "tags,labels")
    roles = listing_roles(names, said)
    assert (roles.input, roles.label_columns, roles.split, roles.group) == (1, {"Cat": 6, "Dog": 7}, 5, 8)
    assert (roles.labels, roles.features) == (None, (0, 4))


def test_a_label_whose_name_has_a_comma_is_quoted_as_in_csv():
    roles = table_roles(["x", "sun, sand", "sea"], Said(label_columns='"sun, sand",sea'))
    assert (roles.label_columns, roles.features) == ({"sun, sand": 1, "sea": 2}, (0,))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Said("Pth"), "expected a column 'Pth', as data.input_column says, got none among .*; did you mean 'path'?"),
        (Said(label_columns="x,x"), "expected data.label_columns to name each column once, got 'x,x'"),
        (Said(labels_column="x", label_columns="x"), "expected data.labels_column or data.label_columns, got both"),
        (Said(ignored_columns="y"), "expected a column 'y', as data.ignored_columns says, got none"),
    ],
)
def test_options_that_fit_no_column_are_refused(said, message):
    with pytest.raises(ValueError, match=message):
        listing_roles(["path", "labels", "x"], said)


def test_in_a_table_other_names_are_features_unless_the_user_says_otherwise():
    names = ["size", "patient", "tags", "fold", "labels"]
    assert table_roles(names).features == (0, 1, 2, 3)
    roles = table_roles(names, Said(labels_column="tags", group_column="patient", ignored_columns="fold,labels"))
    assert (roles.features, roles.labels, roles.group) == ((0,), 2, 1)


def test_roles_are_told_by_the_names_of_their_columns():
    names = ["Image Index", "Finding Labels", "Patient ID"]
    assert listing_roles(names).named(names) == {
        "input": "Image Index",
        "labels": "Finding Labels",
        "group": "Patient ID",
    }
    names = ["path", "labels", "tags", "w"]
    assert listing_roles(names).named(names)["not read"] == "tags, w"
    names = ["size", "weight", "labels"]
    assert table_roles(names).named(names)["features"] == "size, weight"
    names = ["path", *(f"label:{k}" for k in range(6))]
    assert listing_roles(names).named(names)["labels"] == "label:0, label:1, label:2, label:3 and 2 more"
