"""What --help says, of every verb: one line of usage, values, units, each default once."""

import re

import pytest

from lopsided.cli.main import VERBS, main
from lopsided.cli.parser import file_to_write, folder_to_write


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


def test_places_that_can_be_written_are_taken_as_they_are(tmp_path):
    (tmp_path / "file.csv").touch()
    for place in (tmp_path, tmp_path / "new", tmp_path / "new" / "below"):
        assert folder_to_write(str(place)) == str(place)
    for place in (tmp_path / "file.csv", tmp_path / "new.csv", tmp_path / "new" / "new.csv"):
        assert file_to_write(str(place)) == str(place)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("take", "place", "message"),
    [
        (folder_to_write, "file", "expected a folder to write, got a file: "),
        (folder_to_write, "file/below", "file is a file"),
        (folder_to_write, "x" * 300, "File name too long"),
        (folder_to_write, "", "an empty name"),
        (file_to_write, "folder", "expected a file to write, got a folder: "),
        (file_to_write, "file/new.csv", "file is a file"),
        (file_to_write, "folder/" + "x" * 300, "File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_any_work(tmp_path, monkeypatch, take, place, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=message) as caught:
        take(place)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("take", [folder_to_write, file_to_write])
def test_a_folder_that_is_only_read_is_told(tmp_path, monkeypatch, take):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(PermissionError) as caught:
        take(str(tmp_path / "new"))
    assert caught.value.filename == str(tmp_path)


@pytest.mark.parametrize("words", ["tune a.csv --hours nan", "train digits --training.learning_rate nan"])
def test_a_number_that_is_none_is_refused_as_other_words_are(capsys, words):
    assert main(words.split()) == 2
    assert "to be a number, got 'nan'" in capsys.readouterr().err
