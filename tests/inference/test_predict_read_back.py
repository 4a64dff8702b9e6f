"""Predictions that are read back as what was predicted."""

import dataclasses

import pytest

from lopsided.data import DataOptions, read_listing
from lopsided.inference.predict import predict
from lopsided.models import ModelOptions
from lopsided.training import Config, TrainingOptions
from lopsided.training.fit import fit

pytest.importorskip("PIL", reason="images need Pillow")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]

CONFIG = Config(
    source="listing:pictures",
    data=DataOptions(image_size=16, rand_augment=0),
    model=ModelOptions(name="small_cnn", width=8),
    training=TrainingOptions(epochs=1, batch_size=8, accelerator="cpu", workers=0),
)


@pytest.mark.parametrize(
    "names", [("|_|", ":|"), ("NA", "rock, paper"), ('say "so"', "|"), ("hot dog", "stop sign"), ("a,b", "c;d")]
)
@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_predictions_read_as_a_listing_have_the_labels_that_were_predicted(tmp_path, make_manifest, names, name):
    manifest = make_manifest(16, broken=(3,))
    manifest = dataclasses.replace(manifest, labels=dataclasses.replace(manifest.labels, names=names))
    run = fit(CONFIG, tmp_path / "run", data=manifest)
    probabilities = _probabilities(run, manifest)
    # A threshold between the labels' probabilities, so that some rows have each.
    threshold = sorted(p for row in probabilities.values() for p in row)[len(probabilities)]
    out = manifest.root / name
    predict(run, manifest, out, split="train", threshold=threshold)
    read = read_listing(out, label_names=names)
    assert read.labels.names == names
    targets = read.labels.dense(range(len(read)))[0].tolist()
    for path, row in zip(read.paths.tolist(), targets, strict=True):
        assert row == [p > threshold for p in probabilities[path]], path
    assert any(map(any, targets))
    assert set(read_listing(out).labels.names) <= set(names)


def _probabilities(run, manifest):
    import pyarrow.parquet

    out = manifest.root / "all.parquet"
    predict(run, manifest, out, split="train")
    rows = pyarrow.parquet.read_table(out).to_pylist()
    return {row["path"]: [value for key, value in row.items() if key.startswith("p:")] for row in rows}
