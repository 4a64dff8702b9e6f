"""What came out of a sweep, whether it is settled, and what to keep in mind, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lopsided.data.derived.hidden import Hidden
from lopsided.files.errors import counted
from lopsided.reports.naming import shown
from lopsided.reports.sweeps.reading import SettingResult, SweepResults

_AXES = ("learning rate", "weight decay")
_NAMED = 4  # settings of a sentence


def unsettled(sweep: SweepResults) -> str:
    """Why the comparison is not settled, in one sentence; empty where nothing speaks against it."""
    reasons = []
    for axis in _AXES:
        if edge := [result for result in sweep.results if axis in result.edges]:
            which = "every" if len(edge) == len(sweep.results) else f"{len(edge)} of {len(sweep.results)}"
            named = f" ({_named(edge)})" if len(edge) < len(sweep.results) else ""
            reasons.append(
                f"the best {axis} of {which} setting{'s' * (which != 'every')}{named} is the outermost one that was "
                "tried, and one beyond may be better"
            )
    if alone := _tried_alone(sweep):
        reasons.append(f"all settings have {_one(alone)}, which {_suits(alone)} some better than others")
    if sweep.about["seeds"] == 1:
        reasons.append("each has one seed, so that a difference may be chance")
    return f"Not settled: {'; '.join(reasons)}." if reasons else ""


def summary_of(sweep: SweepResults) -> str:
    """Whether the comparison is settled, what came out and what was run, in a few sentences."""
    about = sweep.about
    text = f"{unsettled(sweep)} ".lstrip()
    for share in sweep.shares:
        text += f"{_what_came_out(sweep.at(share), share if len(sweep.shares) > 1 else None)} "
    text += (
        f"{counted(len(about['settings']), 'setting')} on {about['source']}, {counted(about['seeds'], 'seed')} each, "
        f"{counted(about['training']['epochs'], 'epoch')}. {_what_was_tried(sweep)}"
    )
    return f"{text}{_how_often_tested(about.get('earlier_final_runs', 0))}"


def _how_often_tested(earlier: int) -> str:
    """How often the test split was read, where other runs than those shown read it too."""
    if not earlier:
        return "The test split was read once, by the final runs."
    return (
        f"The test split was read by the final runs, and before by {earlier} more, which had other learning rates or "
        "weight decays: the choice on validation changed when more was tried."
    )


def warnings_about(sweep: SweepResults) -> list[str]:
    """What a reader must know before believing the numbers, in one sentence each."""
    found = []
    if alone := _tried_alone(sweep):
        it = "one that suits them differently decides" if len(alone) == 1 else "what suits them differently decides"
        found.append(f"All settings were trained with {_one(alone)}: {it} the order.")
    if sweep.about["seeds"] == 1:
        found.append("One seed: there is no spread and no interval, and a difference may be chance.")
    if sweep.about["seeds"] == 2:
        found.append("Two seeds: a spread of two numbers is hardly one, and an interval from them is very wide.")
    for result in sweep.results:
        if diverged := int(result.numbers["diverged"]):
            where = f"{result.label} ({result.hidden.described})"
            found.append(f"{where}: runs that diverged and take no part in its means: {diverged}.")
    for axis in _AXES:
        edge = [
            f"{result.label} ({result.hidden.described}), {shown(result.numbers[axis.replace(' ', '_')])}"
            for result in sweep.results
            if axis in result.edges
        ]
        if edge:
            found.append(f"Best at the outermost {axis} that was tried; one beyond may be better: {'; '.join(edge)}.")
    return found


def about_unknown(sweep: SweepResults) -> str:
    """What each setting does with labels that are known to be unknown; empty where the sweep made none unknown."""
    if not any(share.unknown for share in sweep.shares):
        return ""
    labels: dict[str, list[str]] = {}
    for result in sweep.at(sweep.shares[-1]):
        labels.setdefault(result.unknown_labels, []).append(result.label)
    parts = [f"{how} by {'; '.join(who)}" for how, who in labels.items()]
    return f"Unknown labels are {'. They are '.join(parts)}."


def _tried_alone(sweep: SweepResults) -> list[str]:
    """The axes of which all settings have one number, though it is not the same that suits each."""
    tried = {"learning rate": sweep.about["learning_rates"], "weight decay": sweep.weight_decays}
    return [axis for axis in _AXES if len(tried[axis]) == 1]


def _one(axes: Sequence[str]) -> str:
    return " and ".join(f"one {axis}" for axis in axes)


def _suits(axes: Sequence[str]) -> str:
    return "suits" if len(axes) == 1 else "suit"


def _what_was_tried(sweep: SweepResults) -> str:
    about = sweep.about
    numbers = {"learning rate": len(about["learning_rates"]), "weight decay": len(sweep.weight_decays)}
    tried = " and ".join(counted(number, axis) for axis, number in numbers.items() if number > 1)
    if not tried:
        return ""
    text = f"For each setting the best of {tried} was chosen on the validation split"
    start, widen = math.prod(numbers.values()), about.get("widen", 0)
    if widen and any(result.numbers["tried"] > start for result in sweep.results):
        return f"{text}; where it lay outermost, at most {widen} more were tried beyond each end. "
    return f"{text}. "


def _named(results: Sequence[SettingResult]) -> str:
    labels = list(dict.fromkeys(result.label for result in results))
    return "; ".join(labels[:_NAMED]) + (" …" if len(labels) > _NAMED else "")


def _what_came_out(results: Sequence[SettingResult], share: Hidden | None) -> str:
    base = next(result for result in results if result.is_baseline)
    where = "" if share is None else f"With {share.described}: "
    best = max(results, key=lambda result: _or_lowest(result.numbers["mAP"]))
    text = f"The highest mAP, {_percent(best.numbers['mAP'])}, is that of {best.label}"
    text += "." if best is base else f"; {base.label} has {_percent(base.numbers['mAP'])}."
    others = [result for result in results if not result.is_baseline]
    if not any(math.isfinite(result.numbers["low"]) for result in others):
        return f"{where}{text} No difference can be told from chance: there is no interval."
    if base.edges:
        edge = f"The {base.edges} of {base.label} {'are' if ' and ' in base.edges else 'is'} outermost"
        return f"{where}{text} {edge}, so nothing is said to be above or below it."
    text = _above_and_below(text, base, others)
    return f"{where}{text}. Each interval is for itself: one in twenty leaves 0 out by chance."


def _above_and_below(text: str, base: SettingResult, others: Sequence[SettingResult]) -> str:
    counts = [result for result in others if not result.edges]
    better = [result for result in counts if result.numbers["low"] > 0]
    worse = [result for result in counts if result.numbers["high"] < 0]
    if not better and not worse:
        text = f"No difference measured. {text}"
    same = len(counts) - len(better) - len(worse)
    are = "is" if len(better) == 1 else "are"
    text += (
        f" Of the {counted(len(others), 'other')}, {len(better)} {are} above {base.label} and {len(worse)} below it by "
        f"more than the intervals allow for, and of {same} no difference was measured"
    )
    if edge := len(others) - len(counts):
        where = "at an outermost rate or decay" if len(_axes_of(others)) > 1 else _at_the_outermost(others)
        text += f"; {edge} {where} are not counted"
    return text


def _axes_of(results: Sequence[SettingResult]) -> list[str]:
    return [axis for axis in _AXES if any(axis in result.edges for result in results)]


def _at_the_outermost(results: Sequence[SettingResult]) -> str:
    return f"at the outermost {_axes_of(results)[0].split()[-1]}"


def _or_lowest(number: float) -> float:
    return number if math.isfinite(number) else -math.inf


def _percent(number: float) -> str:
    return f"{100 * number:.1f}\u00a0%" if math.isfinite(number) else "–\u00a0%"
