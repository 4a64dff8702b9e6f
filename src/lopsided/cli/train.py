"""lopsided train SOURCE."""

from __future__ import annotations

from pathlib import Path

from lopsided.cli.parser import Parser, default_folder, folder_to_write
from lopsided.data.catalogue import SOURCES
from lopsided.presets import preset_file, preset_names
from lopsided.runs.config import GROUPS, Config
from lopsided.runs.reading import read_yaml


def main(arguments: list[str]) -> int:
    """Train and say what to do with the run."""
    parser = _parser()
    if not arguments:
        parser.error("the data to train on is missing: lopsided train SOURCE")
    arguments = parser.checked(lambda: _with_preset_files(arguments))
    source_there, file = _checked_files(parser, arguments)
    given = parser.parse_args(arguments)
    first = arguments[0] if not arguments[0].startswith("-") else None  # a configuration's source would hide it
    source = first or given.source or source_there
    if not isinstance(source, str):
        parser.error(f"expected data to train on, as in lopsided train SOURCE, got {source}")
    if first is None and source == source_there:
        source = _source_of_run(source, file)
    options = parser.checked(lambda: parser.instantiate(given))
    config = parser.checked(lambda: Config(source=source, seed=given.seed, **{name: options[name] for name in GROUPS}))

    from lopsided.runs.loss.criterion import build_criterion

    parser.checked(lambda: build_criterion(config.loss, num_labels=1, positives=[0], num_samples=1))

    default = default_folder("runs", source, config.loss.name)
    out = Path(parser.checked(lambda: folder_to_write(given.out or str(default))))

    # Late, so that wrong usage is told at once: Lightning takes seconds to import.
    from lopsided.training.fit import fit, is_first_rank
    from lopsided.training.usual import usual_for_texts

    said = parser.said(arguments)
    run = fit(usual_for_texts(config, given=said), out, resume=given.resume)
    if not is_first_rank():
        return 0
    best = max((float(row["val_mAP"]) for row in run.rows() if row["val_mAP"]), default=None)
    score = "" if best is None else f", best validation mAP {best:.4f} (of the epoch that it chose: optimistic)"
    print(f"trained {out}{score}\nnext: lopsided thresholds {out}; lopsided evaluate {out}; lopsided report {out}")
    return 0


def _parser() -> Parser:
    parser = Parser(
        "train",
        "Train a network and write a run folder: config.yaml, metrics.csv, checkpoints/, environment.json.",
        examples=(
            "lopsided train digits --loss.name adaptive --out runs/adaptive",
            "lopsided train arff:data/bibtex --training.epochs 30 --loss.gamma_neg 4 --out runs/bibtex",
            "lopsided train listing:photos/labels.csv --config head-on-lite0 --out runs/photos",
            "lopsided train coco:data/coco --config coco-tresnet-l --training.devices 8 --out runs/coco",
            "lopsided train --config runs/adaptive/config.yaml --seed 1 --out runs/again",
        ),
    )
    parser.add_argument("source", nargs="?", help=f"{', '.join(SOURCES[:-1])} or {SOURCES[-1]}")
    presets = ", ".join(preset_names())
    parser.add_argument(
        "--config", action="config", help=f"YAML file with any of the options below, or a preset: {presets}"
    )
    parser.add_argument("--out", type=folder_to_write, help="folder of the run (default: runs/SOURCE-LOSS)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in the folder, if any")
    for name, group in GROUPS.items():
        parser.add_argument(f"--{name}", type=group, default=group())
    parser.add_argument("--seed", type=int, default=0, help="decides every random choice, >= 0")
    return parser


def _with_preset_files(arguments: list[str]) -> list[str]:
    """The words of a command line, with the names of presets replaced by their files."""
    words, expected = [], False
    for word in arguments:
        option, equals, value = word.partition("=")
        if expected and not Path(word).is_file():
            word = str(preset_file(word))
        elif option == "--config" and equals and not Path(value).is_file():
            word = f"--config={preset_file(value)}"
        expected = word == "--config"
        words.append(word)
    return words


def _source_of_run(source: str, file: Path) -> str:
    """The source of a configuration; if the file is a run's, the place where the run's data is found from here."""
    from lopsided.runs.folder import RunFolder
    from lopsided.runs.own_data import own_source

    run = RunFolder(file.parent)
    return own_source(run) if file.resolve() == run.config_file.resolve() and run.data_file.is_file() else source


def _checked_files(parser: Parser, arguments: list[str]) -> tuple[str | None, Path]:
    """The last configuration on a command line, and the source that it names, which the parser replaces by the missing
    positional argument. All configurations are read here first, to refuse whatever is not a plain value."""
    source, path = None, Path()
    for number, word in enumerate(arguments):
        option, equals, value = word.partition("=")
        if option != "--config":
            continue
        path = Path(value if equals else arguments[number + 1] if number + 1 < len(arguments) else "")
        fields = read_yaml(path)
        for name, values in fields.items():
            if name == "config":
                raise ValueError(f"{path}: a configuration cannot name another, got {values!r:.40}")
            if name in GROUPS and not isinstance(values, dict):
                raise ValueError(f"{path}: expected {name} to hold options such as {name}.name, got {values!r:.40}")
            for option, value in values.items() if name in GROUPS else ():
                if option == "class_path" or isinstance(value, dict | list):
                    raise ValueError(
                        f"{path}: expected {name}.{option} to be an option with a plain value, got {value!r:.40}"
                    )
                if wrong := parser.wrong(f"--{name}.{option}", str(value)):
                    parser.error(f"{path}: {wrong}")
        source = fields.get("source")
    return source if isinstance(source, str) else None, path
