"""The verbs on images: one command each from files to predictions."""

import csv
import json

import numpy as np
import pytest

from lopsided.cli.main import main

Image = pytest.importorskip("PIL.Image", reason="images need Pillow")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]

TINY = ["--model.name", "small_cnn", "--data.image_size", "16", "--training.epochs", "1", "--training.workers", "0"]


@pytest.fixture
def photos(tmp_path):
    """Forty pictures with odd labels, a copy of one in another split, a broken one and a missing one."""
    draw = np.random.default_rng(0)
    root = tmp_path / "photos"
    root.mkdir()
    lines = ["path,split,labels"]
    for i in range(40):
        Image.fromarray(draw.integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(root / f"{i}.png")
        split = ("train", "train", "val", "test")[i % 4]
        labels = "|".join(name for name, share in (("blue sky", 0.5), ("🐈 cat, small", 0.3)) if draw.random() < share)
        lines.append(f'{i}.png,{split},"{labels}"')
    (root / "3.png").write_bytes((root / "0.png").read_bytes())
    (root / "4.png").write_bytes((root / "4.png").read_bytes()[:200])
    (root / "5.png").unlink()
    (root / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return root


def said(capsys, *words):
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_inspect_opens_every_image_when_asked_to(capsys, photos):
    source = f"listing:{photos / 'labels.csv'}"
    code, out, _ = said(capsys, "inspect", source, "--json")
    assert code == 0
    assert json.loads(out)["in_two_splits"] == 1
    code, out, _ = said(capsys, "inspect", source, "--check-images", "--json")
    found = json.loads(out)
    assert code == 0
    assert list(found["unreadable"]) == ["4.png", "5.png"]
    assert ["0.png", "3.png"] in found["near_duplicates_in_two_splits"]
    code, out, _ = said(capsys, "inspect", source, "--check-images")
    assert code == 0
    assert "2 images cannot be opened:\n  4.png: " in out
    assert "3.png, like 0.png" in out
    code, _, err = said(capsys, "inspect", "digits", "--check-images")
    assert (code, "only with a source of image files" in err) == (2, True)


def test_from_files_to_predictions(capsys, tmp_path, photos):
    run, source = tmp_path / "run", f"listing:{photos / 'labels.csv'}"
    code, out, err = said(capsys, "train", source, *TINY, "--out", run)
    assert code == 0, err
    assert "2 images of 40 could not be opened and count for nothing" in err
    assert said(capsys, "evaluate", run, "--json")[0] == 0

    (tmp_path / "new").mkdir()
    Image.new("CMYK", (50, 20)).save(tmp_path / "new" / "a.jpg")
    (tmp_path / "new" / "b.jpg").write_bytes(b"")
    out_file = tmp_path / "new.csv"
    code, out, err = said(capsys, "predict", run, tmp_path / "new", photos / "7.png", "--out", out_file)
    assert code == 0
    assert "wrote 3 rows" in out
    assert "1 image of 3 could not be opened" in err
    with out_file.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == ["new/a.jpg", "new/b.jpg", "photos/7.png"]
    assert set(rows[0]) == {"path", "labels", "p:blue sky", "p:🐈 cat, small"}
    assert rows[1]["p:blue sky"] == ""

    code, _, err = said(capsys, "predict", run, tmp_path / "new" / "b.jpg", "--out", out_file)
    assert code == 1  # nothing at all could be opened
    code, _, err = said(capsys, "predict", run, source, photos / "7.png")
    assert (code, "expected image files, or one source alone" in err) == (2, True)
    code, _, err = said(capsys, "predict", run, tmp_path / "nowhere.jpg")
    assert (code, "nowhere.jpg" in err) == (1, True)

    assert said(capsys, "report", run)[0] == 0
    assert (run / "report.html").read_text(encoding="utf-8").count("data:image/png;base64") >= 8


def test_options_of_other_sources_are_refused_before_any_work(capsys, photos, tmp_path):
    source = f"listing:{photos / 'labels.csv'}"
    code, _, err = said(capsys, "train", source, "--data.difficult", "negative", "--out", tmp_path / "run")
    assert code == 1
    assert "expected no data.difficult with the source listing, got 'negative': it is for voc" in err
    assert not (tmp_path / "run").exists()
    code, _, err = said(capsys, "train", "digits", "--data.image_size", "64")
    assert (code, "expected no data.image_size with the source digits" in err) == (1, True)
    code, _, err = said(capsys, "train", source, "--data.cutout", "2")
    assert (code, "expected data.cutout to lie in [0, 1), got 2.0" in err) == (2, True)
    assert len(err.strip().splitlines()) == 1


def test_a_folder_for_each_label_is_a_source(capsys, tmp_path):
    for i in range(12):
        folder = tmp_path / "pets" / ("cat" if i % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (20 * i, 200 * (i % 2), 0)).save(folder / f"{i}.jpg")
    code, out, err = said(capsys, "train", f"listing:{tmp_path / 'pets'}", *TINY, "--out", tmp_path / "run")
    assert code == 0, err
    assert "best validation mAP" in out


@pytest.mark.parametrize("workers", [0, 1])
def test_a_refused_image_is_one_line(capsys, photos, tmp_path, workers):
    words = [*TINY[:-1], workers, "--data.unreadable", "refuse", "--out", tmp_path / "run"]
    code, _, err = said(capsys, "train", f"listing:{photos / 'labels.csv'}", *words)
    assert code == 1
    (line,) = [line for line in err.splitlines() if "error" in line]
    assert line.startswith(f"lopsided train: error: {photos}/")
