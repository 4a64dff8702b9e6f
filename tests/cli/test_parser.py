"""What --help says, of every verb: one line of usage, values, units, each default once."""

import re

import pytest

from lopsided.cli.main import VERBS, main


@pytest.fixture(params=VERBS)
def shown(request, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert main([request.param, "--help"]) == 0
    return capsys.readouterr().out


def test_the_usage_is_one_line(shown):
    assert re.match(r"usage: lopsided \w+ .*\[options\]\n\n", shown)


def test_no_type_of_python_and_no_markup_is_shown(shown):
    assert not re.search(r"\btype:|null|None|Optional|Literal|``|<class", shown)


def test_a_default_is_said_once(shown):
    options = re.split(r"\n  (?=-)", shown.split("\nexamples:")[0])
    for option in options[1:]:
        assert option.split("\n\n")[0].count("(default: ") <= 1, option


def test_lines_fit_the_terminal_but_for_what_is_to_be_copied(shown):
    text = shown.split("\nexamples:")[0].splitlines()
    assert [line for line in text if len(line) > 100] == []


def test_values_to_choose_from_are_listed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    main(["train", "--help"])
    shown = capsys.readouterr().out
    for option in (
        "--training.epochs N",
        "--loss.margin NUMBER",
        "--model.frozen {true,false}",
        "--data.resize {squash,",
    ):
        assert option in shown
    assert "(default: 20)" in shown
