"""A network on words as numbers, applied by numpy alone: the lines are run as they stand in the card and the page."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from lopsided.cli.main import main
from lopsided.data import loose_texts, read_source
from lopsided.data.options import DataOptions
from lopsided.inference.calibrate import calibrate
from lopsided.inference.exports.word_folder import lines, write_word_folder
from lopsided.inference.predict import predict
from lopsided.models import ModelOptions
from lopsided.runs.config import Config, LossOptions, TrainingOptions
from lopsided.training.fit import fit

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "texts.md"
LABELS = ("game, board", "наука", "sea side", "🏖️")
WORDS = ["chess", "board", "rocket", "наука", "sea", "beach", "sand", "猫が好き", "café", "<b>bold</b>", "שלום", "👩‍🚀"]
ODD = [
    "",
    "  \n\t ",
    "chess CHESS Chess board",
    "🏖️ beach 👩‍👩‍👧 sand",
    "chess\x00board \x00",
    "<script>alert('sea')</script> <b>beach</b> &amp; sand",
    "שלום עולם، مرحبا sea beach",
    "猫が好き เล่นหมากรุก",
    "ＣＨＥＳＳ cafe\u0301 ﬁne",
    "nothing known here zzz",
    "a b c 1",
    "sea rocket board " * 60_000,  # 1 MB
]


def written(path):
    random = np.random.default_rng(0)
    rows = []
    for number in range(240):
        chosen = random.choice(len(WORDS), size=6)
        labels = [LABELS[k] for k in range(4) if any(word % 4 == k for word in chosen[:2])]
        split = ["train", "train", "val"][number % 3]
        rows.append({"text": " ".join(WORDS[k] for k in chosen), "labels": labels, "split": split})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"text:{path}"


def trained(folder, loss=None, **model):
    training = TrainingOptions(epochs=4, batch_size=16, learning_rate=5e-2, accelerator="cpu")
    loss = loss or LossOptions(name="asymmetric")
    source = written(folder / "odd.jsonl")
    return fit(Config(source=source, loss=loss, training=training, model=ModelOptions(**model)), folder / "run")


def predicted(run, folder):
    """Probabilities of the odd texts as predict writes them, and the predicted labels."""
    predict(run, loose_texts(ODD, label_names=run.labels()), folder / "found.parquet")
    table = pq.read_table(folder / "found.parquet")
    probabilities = np.stack([table[f"p:{name}"].to_numpy() for name in run.labels()], axis=1)
    return probabilities, [row.split("|") if row else [] for row in table["labels"].to_pylist()]


def applied(code, folder):
    space = {}
    exec(code.replace("FOLDER", str(folder)), space)
    found = np.stack([space["probabilities"](text) for text in ODD])
    labels = [[space["model"]["labels"][k] for k in np.flatnonzero(row > space["a"]["thresholds"])] for row in found]
    return found, labels


def of_card(folder):
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return code


@pytest.mark.parametrize(
    "loss",
    [
        LossOptions(name="asymmetric"),
        LossOptions(name="asymmetric", gamma_neg=4.0, gamma_pos=1.0, margin=0.05),
        LossOptions(name="asymmetric", gamma_neg=3.0, margin=0.0, detach_focus=True),
        LossOptions(name="asymmetric", gamma_neg=0.0, margin=0.4),
        LossOptions(name="adaptive"),
        LossOptions(name="cross_entropy"),
        LossOptions(name="logit_adjusted"),
        LossOptions(name="focal"),
    ],
    ids=lambda loss: "-".join(map(str, [loss.name, *loss.given().values()])),
)
def test_the_lines_of_the_card_give_what_predict_gives(loss, tmp_path):
    run = trained(tmp_path, loss)
    done = write_word_folder(run, tmp_path / "words")
    probabilities, labels = predicted(run, tmp_path)
    found = applied(of_card(done.path), done.path)
    np.testing.assert_allclose(found[0], probabilities, atol=1e-5)
    assert np.ptp(probabilities) > 0.2
    assert found[1] == labels


@pytest.mark.parametrize("method", ["temperature", "platt", "isotonic"])
def test_what_calibrate_fitted_and_thresholds_chose_goes_along(method, tmp_path, capsys):
    run = trained(tmp_path)
    calibrate(run, read_source(run.config().source, DataOptions()), method=method)
    assert main(["thresholds", str(run.path), "--per-label"]) == 0
    done = write_word_folder(run, tmp_path / "words")
    probabilities, labels = predicted(run, tmp_path)
    found = applied(of_card(done.path), done.path)
    np.testing.assert_allclose(found[0], probabilities, atol=1e-5)
    assert found[1] == labels
    assert json.loads((done.path / "model.json").read_text())["calibration"] == method


def test_the_lines_of_the_page_are_those_of_the_card_and_need_numpy_alone(tmp_path):
    blocks = re.findall(r"```python[^\n]*\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "arrays.npz" in block]
    assert block.replace('"words"', '"FOLDER"') == lines("closed form")
    run = trained(tmp_path)
    assert main(["export", str(run.path), str(tmp_path / "words"), "--format", "words"]) == 0
    code = block + 'import sys\nassert not {"torch", "lopsided", "scipy", "sklearn"} & set(sys.modules)\n'
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(
        applied(block.replace('"words"', '"FOLDER"'), tmp_path / "words")[0], predicted(run, tmp_path)[0], atol=1e-5
    )


def test_nothing_in_the_folder_is_a_pickle(tmp_path):
    done = write_word_folder(trained(tmp_path), tmp_path / "words", threshold=0.25)
    assert done.files == ("README.md", "arrays.npz", "model.json")
    with np.load(done.path / "arrays.npz", allow_pickle=False) as arrays:
        assert arrays["thresholds"].tolist() == [0.25] * 4
        assert arrays["weight"].shape == (done.num_terms, 4)
    assert set(json.loads((done.path / "model.json").read_text())["labels"]) == set(LABELS)


def test_other_networks_and_a_folder_with_files_are_refused(tmp_path):
    run = trained(tmp_path, name="mlp")
    with pytest.raises(ValueError, match=r"expected a run on texts with model.name=tfidf, got mlp: export it to ONNX"):
        write_word_folder(run, tmp_path / "words")
    assert not (tmp_path / "words").exists()
    with pytest.raises(ValueError, match="absent or empty, got one with files in it"):
        write_word_folder(run, run.path)
