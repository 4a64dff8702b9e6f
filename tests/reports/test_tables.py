import json
import math

from lopsided.metrics.catalogue import CATALOGUE, DECISIONS, UNRANKED, of_group
from lopsided.reports.runs import read_runs
from lopsided.reports.tables import environment_rows, metric_rows, option_columns, shared_options
from lopsided.runs.config import LossOptions
from lopsided.runs.environment import environment
from tests.reports.conftest import evaluation_of

COLUMNS = [*of_group("usual"), *UNRANKED]
WON_BY_MORE = ["mAP", "mAP 11", "micro AP", "AUROC", "CF1", "mean F1", "OF1"]


def write_environment(run, **changed):
    (run.folder.path / "environment.json").write_text(json.dumps({**environment(), **changed}))


def best_of(row):
    """Headings of the columns in which a row is marked as the best."""
    return [metric.title for metric, cell in zip(COLUMNS, row.cells, strict=True) if cell.is_best]


def test_metrics_are_shown_in_percent_and_the_best_is_marked(make_run):
    runs = read_runs(
        [
            make_run("a", LossOptions(gamma_neg=1), evaluation=evaluation_of(0.4321)),
            make_run("b", LossOptions(gamma_neg=2), evaluation=evaluation_of(0.6)),
        ]
    )
    first, second = metric_rows(runs, COLUMNS)
    assert [cell.text for cell in first.cells] == ["43.2"] * len(COLUMNS)
    assert best_of(first) == ["Brier", "ECE"]
    assert best_of(second) == WON_BY_MORE
    assert len(metric_rows(runs, DECISIONS, group="top3")[0].cells) == 7


def test_two_that_look_the_same_are_both_the_best(make_run):
    runs = read_runs(
        [make_run(str(k), seed=k, evaluation=evaluation_of(share)) for k, share in enumerate((0.50001, 0.50002))]
    )
    assert all(row.cells[0].is_best for row in metric_rows(runs, COLUMNS))


def test_a_run_alone_is_not_the_best_of_anything(make_run):
    (row,) = metric_rows(read_runs([make_run("a", evaluation=evaluation_of(0.5))]), COLUMNS)
    assert not any(cell.is_best for cell in row.cells)


def test_a_run_without_evaluation_says_how_to_get_one(make_run):
    (row,) = metric_rows(read_runs([path := make_run("a b")]), COLUMNS)
    assert row.cells == ()
    assert row.command == f"lopsided evaluate '{path}'"


def test_metrics_that_are_undefined_or_missing_are_dashes(make_run):
    (run,) = read_runs([make_run("a", evaluation={**evaluation_of(0.5), "mAP": math.nan, "cf1": None, "top3": None})])
    (row,) = metric_rows([run], COLUMNS)
    assert [cell.text for cell in row.cells[:5]] == ["–", "50.0", "50.0", "50.0", "–"]
    (top,) = metric_rows([run], DECISIONS, group="top3")
    assert {cell.text for cell in top.cells} == {"–"}


def test_another_split_or_threshold_is_noted(make_run):
    runs = read_runs(
        [
            make_run("a", seed=1, evaluation=evaluation_of(0.5)),
            make_run("b", seed=2, evaluation=evaluation_of(0.5, split="val", threshold=0.7)),
        ]
    )
    assert [row.note for row in metric_rows(runs, COLUMNS)] == ["", "val split, optimistic, threshold 0.7"]
    assert not any(cell.is_best for row in metric_rows(runs, COLUMNS) for cell in row.cells)


def test_few_samples_carry_no_decimals(make_run):
    evaluations = [evaluation_of(share, samples=15) for share in (0.512, 0.514)]
    runs = read_runs([make_run(str(k), seed=k, evaluation=found) for k, found in enumerate(evaluations)])
    rows = metric_rows(runs, COLUMNS)
    assert [row.cells[0].text for row in rows] == ["51", "51"]
    assert all(row.cells[0].is_best for row in rows)


def test_runs_on_other_scenes_of_digits_are_not_ranked(make_run):
    def best(source):
        runs = [
            make_run(f"{source[:5]}{k}", seed=k, evaluation=evaluation_of(0.5 + k / 10), **({"source": source}))
            for k in range(2)
        ]
        return [cell.is_best for row in metric_rows(read_runs(runs), COLUMNS) for cell in row.cells[:1]]

    assert best("table:t.npz") == [False, True]
    assert best("digits") == [False, False]


def test_options_are_split_into_those_that_differ_and_those_in_common(make_run):
    runs = read_runs([make_run("a", LossOptions(gamma_neg=1)), make_run("b", LossOptions(gamma_neg=4))])
    columns = option_columns(runs, ["loss.gamma_neg", "loss"])
    assert [values[:2] for _, values in columns] == [
        ["1", "asymmetric, γ+ = 0, γ− = 1, m = 0.2"],
        ["4", "asymmetric, γ+ = 0, γ− = 4, m = 0.2"],
    ]
    shared = dict(shared_options(runs))
    assert "loss.gamma_neg" not in shared
    assert shared["seed"] == ["0"]
    assert shared["training.epochs"] == ["4"]


def test_one_environment_is_shown_once_and_two_side_by_side(make_run):
    runs = read_runs([make_run("a", seed=1), make_run("b", seed=2)])
    assert environment_rows(runs) == []
    for run in runs:
        write_environment(run)
    assert {len(values) for _, values in environment_rows(runs)} == {1}
    write_environment(runs[0], python="3.99")
    assert dict(environment_rows(runs))["Python"][0] == "3.99"
    (runs[1].folder.path / "environment.json").write_text("{")
    assert dict(environment_rows(runs))["Python"] == ["3.99", "–"]


def test_the_environment_keeps_the_command_line_to_itself(make_run):
    (run,) = read_runs([make_run("a")])
    write_environment(run, command=["--storage", "secret"])
    assert "secret" not in json.dumps(environment_rows([run]))


def test_each_column_of_metrics_shows_its_own_number(make_run):
    numbers = {metric.name: 0.111 + 0.05 * place for place, metric in enumerate(COLUMNS)}
    top = {metric.name: 0.9 - numbers[metric.name] for metric in DECISIONS}
    (run,) = read_runs([make_run("a", evaluation={**evaluation_of(0), **numbers, "top3": top})])
    (row,) = metric_rows([run], COLUMNS)
    assert [cell.text for cell in row.cells] == [f"{100 * value:.1f}" for value in numbers.values()]
    (row,) = metric_rows([run], DECISIONS, group="top3")
    assert [cell.text for cell in row.cells] == [f"{100 * value:.1f}" for value in top.values()]


def test_only_what_cannot_be_won_by_a_threshold_alone_has_a_best_one(make_run):
    low, high = dict.fromkeys(CATALOGUE, 0.2), dict.fromkeys(CATALOGUE, 0.7)
    runs = read_runs(
        [
            make_run("a", seed=1, evaluation={**evaluation_of(0), **low}),
            make_run("b", seed=2, evaluation={**evaluation_of(0), **high}),
        ]
    )
    first, second = metric_rows(runs, COLUMNS)
    assert best_of(first) == ["Brier", "ECE"]
    assert best_of(second) == WON_BY_MORE
    assert not any(cell.is_best for cell in metric_rows(runs[1:], COLUMNS)[0].cells)
