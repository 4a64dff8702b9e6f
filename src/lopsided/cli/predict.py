"""lopsided predict RUN SOURCE."""

from __future__ import annotations

from pathlib import Path

from lopsided.cli.parser import Parser
from lopsided.data import DataOptions, read_source


def predict(arguments: list[str]) -> int:
    """Write probabilities and say where."""
    parser = Parser(
        "predict",
        "Predicted labels and the probability of each label, one row a sample, to Parquet or CSV.",
        examples=(
            "lopsided predict runs/bibtex table:new.csv --out new.parquet",
            "lopsided predict runs/adaptive --split val",
        ),
    )
    parser.add_argument("run", type=str, help="folder of the run")
    parser.add_argument("source", nargs="?", help="data to use instead of the run's own; a table needs no labels")
    parser.add_argument("--split", type=str, help="which split (default: test, else val, else the only one)")
    parser.add_argument("--threshold", type=float, default=0.5, help="probability above which a label is predicted")
    parser.add_argument("--out", type=str, help="file to write, .parquet or .csv (default: RUN/predictions.parquet)")
    given = parser.parse_args(arguments)
    if not 0 <= given.threshold <= 1:
        parser.error(f"--threshold must lie in [0, 1], got {given.threshold}")

    from lopsided.training import RunFolder
    from lopsided.training.predict import predict as write

    run = RunFolder(Path(given.run))
    config = run.config()
    if given.source:
        table = read_source(given.source, DataOptions(validation_share=0), seed=config.seed, label_names=run.labels())
    else:
        table = read_source(config.source, config.data, seed=config.seed)
    out = Path(given.out) if given.out else run.path / "predictions.parquet"
    count = write(run, table, out, split=given.split, threshold=given.threshold)
    print(f"wrote {count} rows to {out}")
    return 0
