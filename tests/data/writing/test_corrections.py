import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import DataError, Labels, Manifest, Table, read_listing, read_table
from lopsided.data.contents.identity import content_of_sample
from lopsided.data.writing.corrections import Correction, corrected, read_decisions, says_what_was_judged
from lopsided.data.writing.writer import write_data

TARGETS = np.array([[True, False, False], [False, True, False], [True, True, True]])
NAMES = ("cat", "dog", "sea, sun")


@pytest.fixture
def table():
    splits = np.array(["train", "val", "test"])
    return Table("pets", np.arange(6, dtype=np.float32).reshape(3, 2), Labels(NAMES, csr_array(TARGETS)), splits)


@pytest.fixture
def manifest(tmp_path):
    (tmp_path / "images").mkdir()
    for name in "abc":
        (tmp_path / "images" / f"{name}.jpg").write_bytes(b"")
    paths = np.array([f"images/{name}.jpg" for name in "abc"], dtype=np.dtypes.StringDType())
    return Manifest("pets", tmp_path, paths, Labels(NAMES, csr_array(TARGETS)), np.array(["train", "val", "test"]))


def write(tmp_path, *lines, header="row,sample,label,kind,decision"):
    path = tmp_path / "decisions.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_accepted_corrections_are_carried_out_and_rejected_ones_counted(tmp_path, table):
    path = write(
        tmp_path, '0,row 0,"sea, sun",missing,accept', "1,row 1,dog,wrong,accept", "", "2,row 2,cat,wrong,reject"
    )
    accepted, rejected = read_decisions(path, table)
    assert accepted == [Correction(0, "sea, sun", "missing"), Correction(1, "dog", "wrong")]
    assert rejected == 1
    done = corrected(table, accepted).labels.dense(range(3))[0]
    assert done.tolist() == [[True, False, True], [False, False, False], [True, True, True]]
    assert table.labels.dense(range(3))[0].tolist() == TARGETS.tolist()


@pytest.mark.parametrize("way", ["unknown", "negatives"])
def test_what_is_unknown_stays_unknown(table, way):
    mask = np.array([[True, True, False]] * 3)
    kept = {"unknown": csr_array(~mask)} if way == "unknown" else {"negatives": csr_array(mask & ~TARGETS)}
    masked = dataclasses.replace(table, labels=Labels(NAMES, csr_array(TARGETS & mask), **kept))
    targets, known = corrected(masked, [Correction(0, "dog", "missing"), Correction(2, "cat", "wrong")]).labels.dense(
        range(3)
    )
    assert known.tolist() == mask.tolist()
    assert targets[:, :2].tolist() == [[True, True], [False, True], [False, True]]
    with pytest.raises(DataError, match="expected a label that is missing, got 'sea, sun', which is unknown"):
        corrected(masked, [Correction(0, "sea, sun", "missing")])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("9,row 9,cat,missing,accept", "line 2: expected row to be a number from 0 to 2, got '9'"),
        ("x,row 9,cat,missing,accept", "expected row to be a number from 0 to 2, got 'x'"),
        ("0,row 1,cat,missing,accept", "expected the sample of row 0 to be 'row 0' as in the data, got 'row 1'"),
        ("0,row 0,cow,missing,accept", "expected a label of the data, got 'cow'"),
        ("0,row 0,cat,lost,accept", "expected kind to be missing or wrong, got 'lost'"),
        ("0,row 0,cat,wrong,maybe", "expected decision to be accept or reject, got 'maybe'"),
        ("0,row 0,cat,wrong", "expected 5 cells, got 4"),
        (
            "0,row 0,cat,wrong,accept\n0,row 0,cat,wrong,accept",
            "line 3: expected one decision on 'cat' of row 0, got two",
        ),
        ('0,"row 0,cat', "line 2: expected a quote that closes"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path, table, line, message):
    with pytest.raises(DataError) as caught:
        read_decisions(write(tmp_path, line), table)
    assert message in str(caught.value)
    assert "decisions.csv" in str(caught.value)


def judged(data, row):
    name = data.sample_name(row)
    return f"{row},{name},dog,{'wrong' if TARGETS[row, 1] else 'missing'},accept,{content_of_sample(data, row)}"


@pytest.mark.parametrize("of", ["table", "manifest"])
def test_a_decision_is_about_the_sample_that_was_judged_not_about_its_row(tmp_path, request, of):
    data = request.getfixturevalue(of)
    if of == "manifest":
        for k, path in enumerate(sorted((tmp_path / "images").iterdir())):
            path.write_bytes(bytes([k]))
    path = write(tmp_path, judged(data, 0), header="row,sample,label,kind,decision,content")
    assert read_decisions(path, data)[0] == [Correction(0, "dog", "missing")]
    if of == "table":
        data = dataclasses.replace(data, features=data.features[::-1].copy())
    else:
        (tmp_path / "images" / "a.jpg").write_bytes(b"another")
    with pytest.raises(DataError, match="line 2: expected the sample that was judged in row 0, got another: .* audit"):
        read_decisions(path, data)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("\ufeffcontent,row,sample,label,kind,decision", True),
        ("row,sample,label,kind,decision,content", True),
        ("row,sample,label,kind,decision", False),
        ("row,sample,label,kind,decision,contents", False),
    ],
)
def test_a_list_says_what_was_judged_where_its_first_line_names_the_content(tmp_path, header, said):
    assert says_what_was_judged(write(tmp_path, "0,row 0,content,wrong,accept", "content", header=header)) == said


def test_labels_that_were_hidden_on_purpose_are_no_truth_about_corrected_ones(table, manifest):
    for data in (table, manifest):
        had = dataclasses.replace(data, truth=Labels(NAMES, csr_array(np.ones((3, 3), dtype=bool))))
        assert corrected(had, [Correction(0, "dog", "missing")]).truth is None


def test_another_file_is_refused(tmp_path, table):
    with pytest.raises(
        DataError, match="expected the columns row, sample, label, kind, decision, got none named 'kind'"
    ):
        read_decisions(write(tmp_path, header="row,sample,label,decision"), table)
    with pytest.raises(DataError, match="nothing.csv: cannot be read: No such file"):
        read_decisions(tmp_path / "nothing.csv", table)
    (tmp_path / "latin.csv").write_bytes(b"row,\xe9\n")
    with pytest.raises(DataError, match="expected text in UTF-8"):
        read_decisions(tmp_path / "latin.csv", table)


def test_a_correction_of_what_is_so_already_is_refused(table):
    with pytest.raises(DataError, match="row 0: expected a label that is missing, got 'cat', which is there"):
        corrected(table, [Correction(0, "cat", "missing")])
    with pytest.raises(DataError, match="row 0: expected a label that is wrong, got 'dog', which is not there"):
        corrected(table, [Correction(0, "dog", "wrong")])


def same(one, other):
    order = [other.labels.names.index(name) for name in one.labels.names]
    (targets, mask), (its_targets, its_mask) = (data.labels.dense(range(len(data))) for data in (one, other))
    assert targets.tolist() == its_targets[:, order].tolist()
    assert (mask is None) == (its_mask is None)
    if mask is not None:
        assert mask.tolist() == its_mask[:, order].tolist()
    assert one.splits.tolist() == other.splits.tolist()


@pytest.mark.parametrize("known", [True, False])
def test_a_corrected_listing_is_read_back_as_it_is(tmp_path, manifest, known):
    if not known:
        mask = np.array([[True, False, True]] * 3)
        labels = Labels(NAMES, csr_array(TARGETS & mask), csr_array(~mask))
        manifest = dataclasses.replace(manifest, labels=labels)
    write_data(manifest, tmp_path / "corrected.csv")
    back = read_listing(tmp_path / "corrected.csv")
    assert back.paths.tolist() == manifest.paths.tolist()
    same(manifest, back)


@pytest.mark.parametrize("names", [("cat", "dog", "a|b"), ("cat", "dog", " x")])
def test_names_that_no_joined_cell_can_hold_have_columns(tmp_path, manifest, names):
    manifest = dataclasses.replace(manifest, labels=dataclasses.replace(manifest.labels, names=names))
    write_data(manifest, tmp_path / "corrected.csv")
    assert {name.strip() for name in read_listing(tmp_path / "corrected.csv").labels.names} == {
        n.strip() for n in names
    }


@pytest.mark.parametrize(
    "names",
    [("|_|", ":|", "a"), ("NA", "b", "c"), ('say "so"', "it's, fine", "x; y"), ("hot dog", "stop sign", "tennis ball")],
)
def test_a_corrected_listing_has_the_labels_that_went_in(tmp_path, manifest, names):
    labels = Labels(names, csr_array(np.eye(3, dtype=bool)))
    paths = np.array(["images/a.jpg", "images/b.jpg", " images/c.jpg"], dtype=np.dtypes.StringDType())
    manifest = dataclasses.replace(manifest, labels=labels, paths=paths)
    write_data(manifest, tmp_path / "corrected.csv")
    back = read_listing(tmp_path / "corrected.csv")
    assert back.paths.tolist() == paths.tolist()
    assert sorted(back.labels.names) == sorted(names)
    same(manifest, back)


def test_a_corrected_table_keeps_numbers_that_float32_rounds(tmp_path, table):
    times = np.array([[1_732_752_000.1, 1], [1_732_752_007.2, 2], [3, 4]])
    table = dataclasses.replace(table, features=times, feature_names=("when", "a"))
    write_data(table, tmp_path / "corrected.csv")
    assert read_table(tmp_path / "corrected.csv").features.tolist() == times.tolist()


@pytest.mark.parametrize("name", ["Unnamed: 0", "Split", "Label:a", " "])
def test_a_feature_that_no_column_can_be_called_goes_into_npz(tmp_path, table, name):
    table = dataclasses.replace(table, feature_names=(name, "a"))
    with pytest.raises(DataError, match="expected a name that ends in .npz"):
        write_data(table, tmp_path / "corrected.csv")


def test_a_label_without_positives_is_not_lost(tmp_path, manifest):
    manifest = dataclasses.replace(manifest, labels=Labels(NAMES, csr_array(TARGETS & [True, True, False])))
    write_data(manifest, tmp_path / "corrected.csv")
    same(manifest, read_listing(tmp_path / "corrected.csv"))


def test_a_listing_may_lie_above_its_images_and_nowhere_else(tmp_path, manifest):
    inner = dataclasses.replace(
        manifest, root=tmp_path / "images", paths=np.array([f"{n}.jpg" for n in "abc"], dtype=np.dtypes.StringDType())
    )
    write_data(inner, tmp_path / "above.csv")
    assert read_listing(tmp_path / "above.csv").paths.tolist() == manifest.paths.tolist()
    with pytest.raises(DataError, match="expected a listing in .* or a folder above it, where its paths start"):
        write_data(manifest, tmp_path / "elsewhere" / "corrected.csv")
    with pytest.raises(DataError, match="expected a name that ends in .csv, got 'corrected.npz'"):
        write_data(manifest, tmp_path / "corrected.npz")


@pytest.mark.parametrize("feature_names", [(), ("height", "weight"), ("height", "labels")])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_corrected_table_is_read_back_as_it_is(tmp_path, table, feature_names, sparse):
    features = csr_array(table.features) if sparse else table.features
    named = dataclasses.replace(table, features=features, feature_names=feature_names)
    out = tmp_path / ("t.csv" if feature_names == ("height", "weight") else "t.npz")
    write_data(named, out)
    back = read_table(out)
    same(named, back)
    found = back.features.toarray() if isinstance(back.features, csr_array) else back.features
    assert found.tolist() == table.features.tolist()
    assert not list(tmp_path.glob("*.part"))


def test_what_was_hidden_on_purpose_is_told_no_more_where_labels_were_corrected(table):
    hidden = dataclasses.replace(table, labels=Labels(NAMES, csr_array(TARGETS & ~TARGETS[2])), truth=table.labels)
    done = corrected(hidden, [Correction(0, "dog", "missing")])
    assert done.truth is None
    assert hidden.truth is table.labels


@pytest.mark.parametrize("way", ["unknown", "negatives"])
def test_a_correction_changes_one_element_and_no_other(table, way):
    mask = np.array([[True, True, False]] * 3)
    kept = {"unknown": csr_array(~mask)} if way == "unknown" else {"negatives": csr_array(mask & ~TARGETS)}
    masked = dataclasses.replace(table, labels=Labels(NAMES, csr_array(TARGETS & mask), **kept))
    targets, known = corrected(masked, [Correction(1, "dog", "wrong")]).labels.dense(range(3))
    wanted = TARGETS & mask
    wanted[1, 1] = False
    assert targets.tolist() == wanted.tolist()
    assert known.tolist() == mask.tolist()
