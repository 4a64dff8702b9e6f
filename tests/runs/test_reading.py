"""Files of a run that a stranger made."""

import os
import pickle
import tracemalloc
import zipfile

import pytest
import torch

from lopsided.data import DataError
from lopsided.runs.reading import read_checkpoint, read_json, read_text, read_yaml


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "file"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected a YAML mapping of options, got nothing"),
        ("- 1", "expected a YAML mapping of options, got list"),
        (
            "a: !!python/object/apply:os.system [touch x]",
            "line 1: expected YAML, got could not determine a constructor",
        ),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        (LAUGHS, r"line 2: expected YAML, got a reference \*a"),
        ("a: &b\n  c: *b", "got a reference"),
        ("[" * 100_000, "got more than 8 levels"),
        ("{a: " * 100_000, "got more than 8 levels"),
        ("a: [1, 2", "line 1: expected YAML, got expected ',' or ']'"),
        ("a: \0", "a character that may not stand there"),
        ("a: 2026-13-01", "expected YAML, got month must be in 1..12"),
        (b"\x80\x04", "expected text in UTF-8, got the byte 0x80"),
        ("a: " + "x" * 2**20, "expected a file of at most 1,048,576 bytes, got 1,048,579"),
    ],
    ids=range(13),
)
def test_yaml_that_is_no_configuration_is_one_short_line(write, content, message):
    tracemalloc.start()
    with pytest.raises(DataError, match=message) as caught:
        read_yaml(write(content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(str(caught.value).partition("file")[2]) < 150
    assert peak < 20e6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected a JSON object, got Expecting value"),
        ("[]", "expected a JSON object, got list"),
        ("NaN", "expected a JSON object, got float"),
        ("[" * 100_000, "lists in lists without end"),
        ('{"a":' * 100_000, "lists in lists without end"),
        ("9" * 5000, "expected a JSON object, got Exceeds the limit"),
        (b"\xff", "expected text in UTF-8, got the byte 0xff"),
    ],
    ids=range(7),
)
def test_json_that_is_no_object_is_refused(write, content, message):
    with pytest.raises(DataError, match=message):
        read_json(write(content))


def test_a_file_without_an_end_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for name in ("pipe", "zeros"):
        with pytest.raises(DataError, match="expected a file, got a device or pipe"):
            read_text(tmp_path / name)
    with pytest.raises(DataError, match="expected a file, got a folder"):
        read_text(tmp_path)


class Trap:
    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return os.mkdir, (self.place,)


def test_a_checkpoint_is_loaded_without_executing_anything_in_it(tmp_path, write):
    sprung = tmp_path / "sprung"
    torch.save({"state_dict": Trap(sprung)}, tmp_path / "zip.ckpt")
    torch.save({"state_dict": Trap(sprung)}, tmp_path / "legacy.ckpt", _use_new_zipfile_serialization=False)
    for path in (tmp_path / "zip.ckpt", tmp_path / "legacy.ckpt", *map(write, [pickle.dumps(Trap(sprung))])):
        with pytest.raises(DataError, match="expected a checkpoint that loads without executing code") as caught:
            read_checkpoint(path)
        assert "weights_only" not in str(caught.value)  # PyTorch's advice is to switch it off
    assert not sprung.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), bytes(100), pickle.dumps([1])])
def test_a_damaged_checkpoint_is_refused(write, content):
    with pytest.raises(DataError, match="expected a checkpoint that loads without executing code, got another file"):
        read_checkpoint(write(content))


def test_a_checkpoint_that_unpacks_to_more_than_it_holds_is_refused_before(tmp_path):
    path = tmp_path / "bomb.ckpt"
    torch.save({"weight": torch.zeros(1_000_000)}, path)
    assert read_checkpoint(path)["weight"].shape == (1_000_000,)
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(tmp_path / "b.ckpt", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    with pytest.raises(ValueError, match="expected weights that are not packed, got .* bytes for 4,000,"):
        read_checkpoint(tmp_path / "b.ckpt")
