import math

from lopsided.metrics.catalogue import of_group
from lopsided.reports.page import render_page
from lopsided.reports.rankings import MOST, about_groups, further_rankings, label_rows
from lopsided.reports.runs import read_runs
from tests.reports.conftest import LABELS, evaluation_of

GROUPS = {
    "head": {"labels": 1, "at_least": 40},
    "medium": {"labels": 1, "at_least": 20},
    "tail": {"labels": 2, "at_least": 0},
}


def per_label(precision, names=LABELS, training=(9, 40, 20, 1)):
    return {
        "label": list(names),
        "positives": [3, 10, 5, 0],
        "training_positives": list(training),
        "group": ["tail", "head", "medium", "tail"] if training[0] is not None else [None] * 4,
        "average_precision": precision,
        "auroc": precision,
    }


def ranked(share, precision, **other):
    about = {"at_k": [1, 3, 5], "frequency": {"groups": GROUPS}, "per_label": per_label(precision), **other}
    return evaluation_of(share, **about)


def test_the_best_of_each_further_ranking_is_marked(make_run):
    evaluations = [ranked(0.4, [0.1, 0.2, 0.3, None]), ranked(0.6, [0.5, 0.6, 0.7, None])]
    runs = read_runs([make_run(str(k), seed=k, evaluation=found) for k, found in enumerate(evaluations)])
    found = further_rankings(runs)
    titles = [metric.title for _, columns, _ in found.tables for metric in columns]
    assert titles == [metric.title for metric in (*of_group("labels"), *of_group("samples"))]
    for _, _, (first, second) in found.tables:
        assert not any(cell.is_best for cell in first.cells)
        assert all(cell.is_best and cell.text == "60.0" for cell in second.cells)
    assert found.about.endswith("head: 1 (40 or more); medium: 1 (20 to 39); tail: 2 (0 to 19).")


def test_each_label_has_a_column_for_each_run_the_most_frequent_first(make_run):
    evaluations = [ranked(0.4, [0.1, 0.2, 0.3, None]), ranked(0.6, [0.5, 0.6, 0.7, None])]
    runs = read_runs([make_run(str(k), seed=k, evaluation=found) for k, found in enumerate(evaluations)])
    table = further_rankings(runs).labels
    assert table.head == ("in training", "group", "positives", runs[0].label, runs[1].label)
    assert table.rows[0] == (LABELS[1], ["40", "head", "10", "20.0", "60.0"])
    assert table.rows[-1] == (LABELS[3], ["1", "tail", "0", "–", "–"])


def test_other_ks_have_columns_where_any_run_was_measured_so(make_run):
    runs = read_runs([make_run("a", evaluation=ranked(0.4, [None] * 4, at_k=[1, 10], p_at_10=0.3))])
    titles = [metric.title for _, columns, _ in further_rankings(runs).tables for metric in columns]
    assert "P@10" in titles
    assert "nDCG@10" not in titles  # nobody measured it


def test_many_labels_show_both_ends():
    many = 3 * MOST
    about = {
        "label": [f"l{k}" for k in range(many)],
        "positives": list(range(many)),
        "training_positives": [None] * many,
        "group": [None] * many,
    }
    table = label_rows(about, [[0.5] * many])
    assert table.left_out == MOST
    assert [name for name, _ in table.rows[:2]] == [f"l{many - 1}", f"l{many - 2}"]
    assert table.rows[-1] == ("l0", ["0", "50.0"])
    assert table.head == ("positives",)


def test_labels_that_differ_or_are_damaged_have_no_table(make_run):
    other = ranked(0.4, [0.1] * 4, per_label=per_label([0.1] * 4, names=("a", "b", "c", "d")))
    for number, second in enumerate((other, ranked(0.4, [0.1] * 4, per_label={"label": list(LABELS)}))):
        evaluations = [ranked(0.4, [0.1] * 4), second]
        runs = read_runs([make_run(f"{number}{k}", seed=k, evaluation=found) for k, found in enumerate(evaluations)])
        assert further_rankings(runs).labels is None


def test_evaluations_of_older_versions_have_no_further_rankings(make_run):
    runs = read_runs([make_run("a", evaluation=evaluation_of(0.4))])
    assert further_rankings(runs) is None
    assert "Further rankings" not in render_page(runs)
    assert about_groups({"missing": "how frequent labels are in training"}) == ""


def test_the_page_writes_names_of_labels_as_text(make_run):
    runs = read_runs([make_run("a", evaluation=ranked(0.4, [0.123, 0.2, 0.3, math.nan]))])
    page = render_page(runs)
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "12.3" in page


def test_a_map_over_labels_that_are_all_always_true_is_said_to_say_nothing(make_run):
    about = {"labels_measured": 1, "labels_without_positives": 3, "labels_always_true": ["plain"]}
    page = render_page(read_runs([make_run("a", evaluation=evaluation_of(1.0, **about))]))
    assert "mAP on the test split says nothing about a network: the only label that has a positive there" in page
