"""The digest by which results are kept: what changes it, what does not, and what is said about a change."""

import dataclasses
import json
import os

import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import Labels, Manifest, Table, read_source
from lopsided.data.contents.identity import Identity, identity_of, what_changed

NAMES = ("cat", "dog", "sea")


@pytest.fixture
def table():
    """20 samples in two splits, with named features."""
    draw = np.random.default_rng(0)
    features = draw.normal(size=(20, 4)).astype(np.float32)
    labels = Labels(NAMES, csr_array(draw.random((20, 3)) < 0.4))
    return Table("pets", features, labels, np.array(["train"] * 15 + ["val"] * 5), feature_names=tuple("wxyz"))


@pytest.fixture
def manifest(tmp_path):
    """Three files: one that is empty, a small one, and one that is not read whole."""
    for name, content in (("a", b""), ("b", b"small"), ("c", bytes(range(256)) * 1000)):
        (tmp_path / f"{name}.jpg").write_bytes(content)
    paths = np.array(["a.jpg", "b.jpg", "c.jpg"], dtype=np.dtypes.StringDType())
    labels = Labels(NAMES, csr_array(np.eye(3, dtype=bool)))
    return Manifest("pets", tmp_path, paths, labels, np.array(["train", "val", "test"]))


def rows(data, chosen):
    """Some samples, in this order."""
    chosen = np.asarray(chosen)
    return dataclasses.replace(
        data, features=data.features[chosen], labels=data.labels.take(chosen), splits=data.splits[chosen]
    )


def with_names(data, *names):
    return dataclasses.replace(data, labels=dataclasses.replace(data.labels, names=names))


def with_labels(data, matrix, **further):
    return dataclasses.replace(data, labels=Labels(NAMES, csr_array(matrix), **further))


def dense(data):
    return data.labels.dense(range(len(data)))[0]


def test_a_name_and_labels_that_were_hidden_on_purpose_play_no_part(table):
    renamed = dataclasses.replace(table, name="animals", truth=table.labels)
    assert identity_of(renamed) == identity_of(table)
    assert what_changed(identity_of(table), renamed) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: with_names(t, "cat", "cow", "sea"), "the labels changed: 'dog' is now 'cow'"),
        (lambda t: with_names(t, "ant", "cow", "sea"), "the labels changed: 'cat' is now 'ant' (and 1 more)"),
        (
            lambda t: with_names(t, "dog", "cat", "sea"),
            "the labels are in another order: number 1 was 'cat' and is 'dog'",
        ),
        (
            lambda t: dataclasses.replace(t, labels=Labels(("cat", "dog"), csr_array(dense(t)[:, :2]))),
            "the number of labels changed (3 -> 2): 'sea' is gone",
        ),
        (
            lambda t: dataclasses.replace(t, labels=Labels((*NAMES, "sun"), csr_array(dense(t)[:, [0, 1, 2, 0]]))),
            "the number of labels changed (3 -> 4): 'sun' is new",
        ),
        (
            lambda t: dataclasses.replace(t, features=t.features[:, ::-1], feature_names=tuple("zyxw")),
            "the columns moved: number 1 was 'w' and is 'z'",
        ),
        (
            lambda t: dataclasses.replace(t, features=t.features[:, :3], feature_names=tuple("wxy")),
            "the number of features changed (4 -> 3): 'z' is gone",
        ),
        (
            lambda t: dataclasses.replace(t, feature_names=tuple("wxyq")),
            "the features changed: 'z' is now 'q'",
        ),
        (lambda t: rows(t, [*range(20), 0, 1]), "2 rows were appended (20 -> 22)"),
        (lambda t: rows(t, [0, 1, *range(20)]), "2 rows were added (20 -> 22)"),
        (lambda t: rows(t, range(17)), "3 rows were removed (20 -> 17)"),
        (lambda t: rows(t, range(19, -1, -1)), "the rows are in another order"),
        (lambda t: dataclasses.replace(t, features=t.features * np.float32(2)), "the features changed"),
        (
            lambda t: dataclasses.replace(t, splits=np.where(np.arange(20) < 12, "train", "val")),
            "the splits changed (train 15 -> 12, val 5 -> 8)",
        ),
        (
            lambda t: dataclasses.replace(t, splits=np.array(["val"] * 5 + ["train"] * 15)),
            "the splits changed (of the same sizes)",
        ),
    ],
)
def test_it_is_said_what_changed(table, change, said):
    changed = change(table)
    assert what_changed(identity_of(table), changed) == said
    assert identity_of(changed).digest != identity_of(table).digest


def test_labels_that_were_turned_round_are_told_and_may_be_left_out_of_account(table):
    targets = dense(table)
    turned = with_labels(table, ~targets)
    count = int(targets.sum())
    said = f"the labels of some samples changed ({count} -> {60 - count} positives)"
    assert what_changed(identity_of(table), turned) == said
    assert what_changed(identity_of(table), turned, labels=False) is None
    moved = dataclasses.replace(turned, splits=np.full(20, "train"))
    assert what_changed(identity_of(table), moved, labels=False) == "the splits changed (train 15 -> 20, val 5 -> 0)"


def test_columns_without_names_that_moved_are_a_change_of_features(table):
    plain = dataclasses.replace(table, feature_names=())
    moved = dataclasses.replace(plain, features=plain.features[:, ::-1])
    assert what_changed(identity_of(plain), moved) == "the features changed"
    wider = dataclasses.replace(plain, features=np.hstack([plain.features, plain.features]))
    assert what_changed(identity_of(plain), wider) == "the features changed: (4,) numbers a sample -> (8,)"


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_what_is_unknown_counts_however_it_is_said(table, share):
    targets = dense(table)
    mask = targets | (np.random.default_rng(1).random((20, 3)) < share)
    one = with_labels(table, targets, unknown=csr_array(~mask))
    other = with_labels(table, targets, negatives=csr_array(mask & ~targets))
    assert identity_of(one) == identity_of(other)
    assert what_changed(identity_of(table), one) is not None
    nothing = with_labels(table, targets, unknown=csr_array((20, 3), dtype=bool))
    assert identity_of(nothing) == identity_of(table)


def test_the_order_in_which_positives_are_stored_plays_no_part(table):
    turned = table.labels.positives[:, [2, 1, 0]][:, [2, 1, 0]]
    assert identity_of(dataclasses.replace(table, labels=Labels(NAMES, turned))) == identity_of(table)


def test_sparse_features_count_by_their_values(table):
    sparse = dataclasses.replace(table, features=csr_array(table.features))
    again = dataclasses.replace(table, features=csr_array(table.features.copy()))
    assert identity_of(sparse) == identity_of(again)
    again.features.data[3] += 1
    assert what_changed(identity_of(sparse), again) == "the features changed"


def test_images_count_by_path_and_content_and_not_by_time_or_place(tmp_path, manifest):
    was = identity_of(manifest)
    os.utime(tmp_path / "b.jpg", (1, 1))
    assert identity_of(manifest) == was
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in "abc":
        (elsewhere / f"{name}.jpg").write_bytes((tmp_path / f"{name}.jpg").read_bytes())
    assert identity_of(dataclasses.replace(manifest, root=elsewhere)) == was


@pytest.mark.parametrize(("name", "at"), [("b", 2), ("c", 0), ("c", 128_000), ("c", 255_999)])
def test_another_image_of_the_same_size_and_time_is_a_change(tmp_path, manifest, name, at):
    was, path = identity_of(manifest), tmp_path / f"{name}.jpg"
    times, content = path.stat(), bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert what_changed(was, manifest) == "the images changed"


def test_an_image_that_is_gone_renamed_or_new_is_a_change(tmp_path, manifest):
    was = identity_of(manifest)
    (tmp_path / "a.jpg").unlink()
    assert what_changed(was, manifest) == "the images changed"
    (tmp_path / "a.jpg").write_bytes(b"")
    assert what_changed(was, manifest) is None
    (tmp_path / "d.jpg").write_bytes(b"small")
    paths = np.array(["a.jpg", "d.jpg", "c.jpg"], dtype=np.dtypes.StringDType())
    assert what_changed(was, dataclasses.replace(manifest, paths=paths)) == "the images changed"
    fewer = dataclasses.replace(
        manifest, paths=manifest.paths[:2], labels=manifest.labels.take([0, 1]), splits=manifest.splits[:2]
    )
    assert what_changed(was, fewer) == "1 image was removed (3 -> 2)"


def test_a_table_is_no_list_of_images(table, manifest):
    assert what_changed(identity_of(manifest), table) == "it was images and is a table"


def test_it_comes_back_from_json_as_it_was(table, manifest):
    for data in (table, manifest):
        plain = json.loads(json.dumps(identity_of(data).plain()))
        assert Identity.of(plain) == identity_of(data)


@pytest.mark.parametrize("change", [{"samples": "3"}, {"shape": 3}, {"kind": None}, {"more": 1}, {"label_names": [1]}])
def test_what_is_no_identity_is_refused(table, change):
    for broken in (None, [], identity_of(table).plain() | change):
        with pytest.raises(ValueError, match="expected the identity of a data set, got"):
            Identity.of(broken)


def test_a_sample_has_a_digest_of_its_own(table):
    digests = list(table.digests())
    assert len(set(digests)) == len(digests) == 20
    assert list(table.digests([7, 3])) == [digests[7], digests[3]]


def test_what_is_drawn_of_the_same_seed_has_one_identity(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,labels\n" + "".join(f"{k},{'cat' if k % 3 else 'dog'}\n" for k in range(30)))
    source = f"table:{path}"
    assert identity_of(read_source(source, seed=1)) == identity_of(read_source(source, seed=1))
    assert what_changed(identity_of(read_source(source, seed=1)), read_source(source, seed=2)) == (
        "the splits changed (of the same sizes)"
    )


def test_the_digests_that_runs_have_kept_stay_what_they_are(manifest):
    features = np.array([[0.5, 1], [2, -3]], np.float32)
    labels = Labels(("cat", "dog"), csr_array(np.array([[True, False], [True, True]])))
    table = Table("pets", features, labels, np.array(["train", "val"]), feature_names=("x", "y"))
    found = [(kept.inputs, kept.labels, kept.splits) for kept in map(identity_of, (table, manifest))]
    assert found == [
        ("e5b47611d9e3ba2b8637440478d30864", "f0675c5aafd8f09711b3d5be8be7e593", "6551fe130d90419bd8695316fb683c25"),
        ("2222be9dc00b4c78d98db737e4490bcd", "02e58a7022d637f3d5637456a4512ef8", "7d3a99399d96ec3487b5caa344f1e982"),
    ]
