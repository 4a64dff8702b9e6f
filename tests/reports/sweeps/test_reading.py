import csv
import dataclasses
import itertools
import json
import math
import re
from typing import get_args

import numpy as np
import pytest

from lopsided.data.derived.hidden import Hidden
from lopsided.experiments.outputs import write_outputs
from lopsided.experiments.plan import Sweep, points
from lopsided.experiments.rows import Row
from lopsided.experiments.settings import SweepName, settings_of
from lopsided.metrics.catalogue import CATALOGUE, RANKED
from lopsided.reports.figures.style import DARK, LIGHT, render
from lopsided.reports.sweeps.figures import sweep_figure
from lopsided.reports.sweeps.page import render_sweep, summary_of, warnings_about, write_sweep_report
from lopsided.reports.sweeps.reading import read_sweep
from lopsided.reports.sweeps.words import about_unknown

NAMES = get_args(SweepName)


@pytest.fixture
def make_sweep(tmp_path):
    """The folder of a sweep whose numbers are drawn: settings further down the list are better. ``peak`` gives the
    learning rate at which a run validates best; by default they are all level, and the lowest is taken."""

    def make(name, *, peak=None, **options):
        options = {"seeds": 3, "widen": 0, **options}
        sweep = Sweep(name=name, source="table:<b>.npz", settings=tuple(settings_of(name)), **options)
        order = {setting.name: number for number, setting in enumerate(sweep.settings)}
        rows = {}
        while left := points(sweep, rows):
            for point in left:
                draw = np.random.default_rng([point.seed, order[point.setting.name]])
                score = 0.3 + 0.02 * order[point.setting.name] - 0.1 * point.hidden.missing + 0.01 * draw.random()
                test = dict.fromkeys(CATALOGUE, score)
                numbers = {"val_gap": 0.0, "final_gap": -0.1, "final_gamma_neg": 2.0, "seconds": 1.0, "best_epoch": 1}
                best = 0 if peak is None else abs(point.pair.learning_rate - peak(point))
                rows[point.key] = Row(**point.key._asdict(), val_mAP=score - best, **numbers, test=test)
        write_outputs(sweep, rows, tmp_path)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, {}) for name in NAMES), ("losses", {"missing": (0.0, 0.3)}), ("adaptive", {"seeds": 1, "trials": 1})],
)
def test_every_sweep_is_drawn_and_written(make_sweep, name, options):
    folder = make_sweep(name, **options)
    files = {path.name: path.stat().st_size for path in write_sweep_report(folder)}
    assert list(files) == [f"{name}.png", f"{name}.svg", "report.html"]
    assert min(files.values()) > 10_000
    page = (folder / "report.html").read_text()
    assert "<b>" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)


def test_a_curve_goes_through_the_means_with_bars_of_the_spread(make_sweep):
    sweep = read_sweep(make_sweep("gamma_neg"))
    left, right = sweep_figure(sweep).axes
    curve = next(line for line in left.get_lines() if len(line.get_xdata()) == 7 and line.get_zorder() == 4)
    results = [result for result in sweep.results if math.isfinite(result.numbers["value"])]
    assert list(curve.get_xdata()) == [0, 1, 2, 3, 4, 6, 8]
    np.testing.assert_allclose(curve.get_ydata(), [100 * result.numbers["mAP"] for result in results])
    bars = left.collections[0].get_segments()
    np.testing.assert_allclose([bar[1][1] - bar[0][1] for bar in bars], [200 * one.numbers["sd"] for one in results])
    intervals = right.collections[0].get_segments()
    np.testing.assert_allclose([bar[0][1] for bar in intervals], [100 * one.numbers["low"] for one in results])
    dots = [line for line in left.get_lines() if line.get_alpha()]
    assert [len(line.get_ydata()) for line in dots] == [3] * 7


def test_each_share_of_hidden_positives_has_its_own_curve_and_marker(make_sweep):
    figure = sweep_figure(read_sweep(make_sweep("margin", missing=(0.0, 0.3))), theme=DARK)
    curves = [line for line in figure.axes[0].get_lines() if line.get_zorder() == 4]
    assert len({line.get_marker() for line in curves}) == len({line.get_color() for line in curves}) == 2
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [
        f"{loss}, {share}"
        for loss in ("asymmetric", "cross-entropy")
        for share in ("no labels hidden", "30 % of positives hidden")
    ]


@pytest.mark.parametrize(("name", "longest"), [("losses", 1), ("unknown", 3)])
def test_losses_are_told_apart_by_their_place_and_colour(make_sweep, name, longest):
    sweep = read_sweep(make_sweep(name))
    left, right = sweep_figure(sweep).axes
    labels = [text.get_text().replace("\n", " ") for text in left.get_yticklabels()]
    assert labels == [result.label for result in sweep.results]
    means = [line for line in right.get_lines() if line.get_zorder() == 4]
    assert [line.get_color() for line in means] == [LIGHT.losses[result.look] for result in sweep.results]
    places = [line.get_ydata()[0] for line in means]
    lines = [len(text.get_text().splitlines()) for text in left.get_yticklabels()]
    apart = [above - below for above, below in itertools.pairwise(places)]
    assert max(lines) >= longest
    assert all(gap >= max(1, (one + two) / 4) for gap, one, two in zip(apart, lines, lines[1:], strict=False))


def test_a_loss_at_its_defaults_goes_by_its_name_alone_unless_another_setting_has_it(make_sweep):
    labels = {result.setting: result.label for result in read_sweep(make_sweep("losses")).results}
    assert labels["asymmetric"] == "asymmetric"
    assert labels["two_way"] == "two-way"
    several = [result.label for result in read_sweep(make_sweep("unknown", unknown=(0.3,))).results]
    assert all("unknown = " in label for label in several if label.startswith("P-ASL"))


def test_adaptive_asymmetry_is_drawn_with_the_best_fixed_setting(make_sweep):
    figure = sweep_figure(read_sweep(make_sweep("adaptive")))
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["adaptive", "cross-entropy", "asymmetric, γ+ = 0, γ− = 8, m = 0.2"]


def inside(point):
    """A rate that others were tried on both sides of."""
    return 0.002


def test_the_summary_says_what_was_run_and_what_came_out(make_sweep):
    sweep = read_sweep(make_sweep("combination", missing=(0.0, 0.3), peak=inside, decays=(0.0, 1.0)))
    text = summary_of(sweep)
    assert text.startswith("With no labels hidden: ")
    assert "5 settings on table:<b>.npz, 3 seeds each, 20 epochs." in text
    assert "best of 4 learning rates and 2 weight decays was chosen on the validation split" in text
    plain, best = (f"{100 * sweep.at(Hidden(0.3))[place].numbers['mAP']:.1f}\u00a0%" for place in (0, 4))
    assert f"With 30 % of positives hidden: The highest mAP, {best}, is that of " in text
    assert f"; cross-entropy has {plain}." in text
    assert text.count("Of the 4 others, ") == 2
    assert text.count("one in twenty leaves 0 out by chance") == 2
    assert text.endswith("The test split was read once, by the final runs.")
    sweep.about["earlier_final_runs"] = 4
    assert "The test split was read by the final runs, and before by 4 more, which had other" in summary_of(sweep)


def test_a_sweep_whose_best_rates_lie_outermost_opens_with_that_and_counts_nothing_above(make_sweep):
    text = summary_of(read_sweep(make_sweep("losses")))
    assert text.startswith("Not settled: the best learning rate of every setting is the outermost one that was tried")
    assert "above cross-entropy" not in text
    assert "nothing is said to be above or below it" in text


def test_settings_at_an_outermost_rate_are_named_first_and_not_counted(make_sweep):
    sweep = read_sweep(make_sweep("combination", peak=lambda point: 1.0 if point.setting.loss.margin else 0.002))
    text = summary_of(sweep)
    assert text.startswith(
        "Not settled: the best learning rate of 2 of 5 settings (asymmetric, γ+ = 0, γ− = 0, m = 0.2; "
    )
    (counted,) = re.findall(
        r"Of the 4 others, (\d) (?:is|are) above cross-entropy and (\d) below it .*and of (\d) no difference", text
    )
    assert sum(map(int, counted)) == 2
    assert "2 at the outermost rate are not counted" in text


def test_a_reader_is_warned_of_one_rate_one_seed_and_outermost_rates(make_sweep):
    sweep = read_sweep(make_sweep("losses", seeds=1, trials=1))
    alone = warnings_about(sweep)
    assert [text.split(":")[0] for text in alone] == [
        "All settings were trained with one learning rate and one weight decay",
        "One seed",
    ]
    assert summary_of(sweep).startswith("Not settled: all settings have one learning rate and one weight decay, which")
    assert "No difference can be told from chance" in summary_of(sweep)
    sweep = read_sweep(make_sweep("losses"))
    decay, edges = warnings_about(sweep)
    assert decay.startswith("All settings were trained with one weight decay: one that suits them differently decides")
    assert edges.startswith(
        "Best at the outermost learning rate that was tried; one beyond may be better: cross-entropy"
    )
    assert all(f"{result.label} (no labels hidden), 0.0005" in edges for result in sweep.results)
    sweep = read_sweep(make_sweep("losses", seeds=2, peak=inside, decays=(0.0, 1.0)))
    assert [text.split(":")[0] for text in warnings_about(sweep)] == ["Two seeds"]


def test_the_page_shows_each_number_of_the_table(make_sweep):
    sweep = read_sweep(make_sweep("losses"))
    page = render_sweep(sweep)
    for result in sweep.results:
        assert f"<td>{100 * result.numbers['mAP']:.1f} ± {100 * result.numbers['sd']:.1f}</td>" in page
    assert page.count("<td>baseline</td>") == 1


def test_runs_without_numbers_can_be_drawn(make_sweep):
    sweep = read_sweep(make_sweep("gamma_neg"))
    nothing = dataclasses.replace(
        sweep.results[2], numbers=dict.fromkeys(sweep.results[2].numbers, math.nan), of_seeds=()
    )
    broken = dataclasses.replace(
        nothing,
        numbers={**nothing.numbers, "value": 1.0, "diverged": 3, "learning_rate": 0.1, "weight_decay": 0.1, "tried": 4},
    )
    sweep = dataclasses.replace(sweep, results=(*sweep.results[:2], broken, *sweep.results[3:]))
    assert b"<svg" in render(sweep_figure(sweep))
    assert any(text.endswith("runs that diverged and take no part in its means: 3.") for text in warnings_about(sweep))
    assert "nan" not in render_sweep(sweep).split("</style>")[1].replace("data:", "").split('id="table"')[1]


def test_the_outermost_decay_is_marked_and_named_apart_from_the_outermost_rate(make_sweep):
    folder = make_sweep("combination", peak=inside, decays=(0.01, 1.0))  # level: the lower decay is taken
    sweep = read_sweep(folder)
    assert {result.edges for result in sweep.results} == {"weight decay"}
    assert summary_of(sweep).startswith("Not settled: the best weight decay of every setting is the outermost one")
    page = render_sweep(sweep)
    assert page.count("<td>0.01†</td>") == len(sweep.results)
    assert "<td>0.002</td>" in page
    assert "0.002†" not in page


def test_where_a_grid_grew_the_page_says_by_how_much(make_sweep):
    sweep = read_sweep(make_sweep("combination", peak=lambda _: 0.03, widen=2, decays=(0.0, 1.0)))
    assert {result.edges for result in sweep.results} == {""}
    assert {result.numbers["tried"] for result in sweep.results} == {10}
    assert {result.numbers["learning_rate"] for result in sweep.results} == {0.032}
    assert "; where it lay outermost, at most 2 more were tried beyond each end." in summary_of(sweep)


def test_the_page_says_what_each_loss_does_with_unknown_labels(make_sweep):
    sweep = read_sweep(make_sweep("unknown", unknown=(0.0, 0.3)))
    assert [share.described for share in sweep.shares] == ["no labels hidden", "30 % of labels unknown"]
    text = about_unknown(sweep)
    ignored, negative, selective, aware = re.split(r"\. They are ", text)
    assert re.fullmatch(r"Unknown labels are ignored by cross-entropy; asymmetric; P-ASL, .* unknown = ignore", ignored)
    assert negative.startswith("taken for negatives by P-ASL")
    assert selective.startswith("taken for negatives but for the likeliest, which are ignored, by P-ASL")
    assert aware.startswith(
        "taken for negatives but for the likeliest and the frequent labels, which are ignored, by P"
    )
    assert negative in render_sweep(sweep).replace("&#39;", "'")
    assert about_unknown(read_sweep(make_sweep("unknown", missing=(0.0, 0.3)))) == ""


def test_a_folder_of_a_version_with_one_axis_is_read(make_numbered_sweep):
    import pyarrow.parquet as pq

    folder, _ = make_numbered_sweep()
    before = read_sweep(folder)
    rows = pq.read_table(folder / "rows.parquet").drop_columns(["unknown", "weight_decay"])
    pq.write_table(rows, folder / "rows.parquet")
    new = ("unknown", "weight_decay", "tried", "edges")
    with (folder / "summary.csv").open(newline="") as file:
        lines = [{name: text for name, text in line.items() if name not in new} for line in csv.DictReader(file)]
    with (folder / "summary.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    about = json.loads((folder / "sweep.json").read_text())
    for name in ("unknown", "decays", "widen", "weight_decays"):
        del about[name]
    (folder / "sweep.json").write_text(json.dumps(about))
    after = read_sweep(folder)
    assert repr(after.results) == repr(before.results)
    assert summary_of(after) == summary_of(before)
    assert render_sweep(after)


def test_a_folder_without_a_sweep_is_refused(tmp_path):
    with pytest.raises(ValueError, match="to be the folder of a sweep, got one without sweep.json"):
        read_sweep(tmp_path)


def test_a_sweep_of_a_newer_version_is_refused(make_sweep):
    about = make_sweep("margin") / "sweep.json"
    content = json.loads(about.read_text())
    content["environment"]["format"] += 1
    about.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"sweep.json has format [0-9]+, made by a newer lopsided .*: upgrade it"):
        read_sweep(about.parent)
    del content["environment"]  # from before there were numbers
    about.write_text(json.dumps(content))
    assert read_sweep(about.parent).name == "margin"


@pytest.fixture
def make_numbered_sweep(tmp_path):
    """The folder of a sweep in whose rows no two metrics are equal, nor those of two seeds, shares or stages."""

    def make(**options):
        settings = tuple(settings_of("gamma_neg", grid=["0", "2", "4"]))
        options = {"seeds": 3, "trials": 2, "widen": 0, **options}
        sweep = Sweep(name="gamma_neg", source="digits", settings=settings, **options)
        rows = {}
        while left := points(sweep, rows):
            for point in left:
                draw = np.random.default_rng([len(rows), 7]).uniform(0.1, 0.9, size=4 + len(CATALOGUE)).tolist()
                test = dict(zip(CATALOGUE, draw[4:], strict=True))
                rows[point.key] = Row(
                    **point.key._asdict(),
                    val_mAP=draw[0],
                    best_epoch=1,
                    val_gap=draw[1],
                    final_gap=draw[2] - 0.5,
                    final_gamma_neg=10 * draw[3],
                    seconds=1.0,
                    test=test,
                )
        write_outputs(sweep, rows, tmp_path)
        return tmp_path, rows

    return make


def tables_of(page):
    """For each table with a line for each setting, what every line shows by the heading of the column."""
    for table in re.findall(r'<table class="metrics">(.*?)</table>', page, re.DOTALL):
        head, body = table.split("</thead>")
        heads = [re.sub(r"<.*?>", "", cell).strip() for cell in re.findall(r"<th.*?>(.*?)</th>", head)]
        lines = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", line) for line in re.findall(r"<tr.*?>(.*?)</tr>", body)]
        yield [dict(zip(heads, [re.sub(r"<.*?>", "", cell).strip() for cell in line], strict=True)) for line in lines]


def test_each_column_of_the_tables_shows_its_own_number(make_numbered_sweep):
    sweep = read_sweep(make_numbered_sweep()[0])
    usual, further = tables_of(render_sweep(sweep))
    assert len(usual) == len(further) == len(sweep.results) == 4
    for shown, more, result in zip(usual, further, sweep.results, strict=True):
        numbers = result.numbers
        for metric in RANKED[1:]:
            where = shown if metric.group == "usual" else more
            assert where[metric.title] == f"{100 * numbers[metric.name]:.1f}", metric.name
        assert shown["mAP"].startswith(f"{100 * numbers['mAP']:.1f} ± {100 * numbers['sd']:.1f}")
        if not result.is_baseline:
            low, high = (f"{100 * numbers[name]:+.1f}".replace("-", "−") for name in ("low", "high"))
            assert f"{low} to {high}" in shown.values()
            assert f"{100 * numbers['difference']:+.1f}".replace("-", "−") in shown.values()
        assert f"{numbers['final_gap']:+.2f}".replace("-", "−") in shown.values()
        assert f"{numbers['final_gamma_neg']:.1f}" in shown.values()


def test_the_dots_of_a_setting_are_its_final_runs_at_its_share_and_rate(make_numbered_sweep):
    folder, rows = make_numbered_sweep(missing=(0.0, 0.3))
    sweep = read_sweep(folder)
    assert sweep.shares == [Hidden(), Hidden(0.3)]
    for result in sweep.results:
        mine = [row for row in rows.values() if (row.setting, row.missing) == (result.setting, result.hidden.missing)]
        final = [row.test["mAP"] for row in mine if row.stage == "final"]
        assert len(mine) == 9
        assert list(result.of_seeds) == final
        assert np.mean(final) == pytest.approx(result.numbers["mAP"], rel=1e-5)
