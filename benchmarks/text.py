"""Descriptions of packages with their tags: ours beside LibMultiLabel's linear method and Omikuji, in one run.

Packages of one source stay together; 70 % train, 10 % are our validation split, 20 % test, by which all are measured.
The rivals train once on our training split, and once on the validation split as well, which they have no use for.
LibMultiLabel gets its own TF-IDF of single words, ours, and ours weighed by rarity; Omikuji the last two. Seconds are
those of training, from texts where the features are its own; CPU seconds are those of all threads, for machines that
other work keeps busy.
They are left out where they are not installed: ``pip install libmultilabel sparsekmeans liblinear-multicore omikuji``.
"""

import argparse
import dataclasses
import importlib.util
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from measure import append, environment
from scipy.sparse import csr_array, csr_matrix

from lopsided.data import DataOptions, Samples, read_source
from lopsided.data.texts.tfidf import fit_tfidf
from lopsided.inference.scoring import collected
from lopsided.metrics import mean_average_precision
from lopsided.training import Config, TrainingOptions
from lopsided.training.fit import fit
from lopsided.training.usual import usual_for_texts

SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}


class Took(NamedTuple):
    wall: float  # seconds
    cpu: float  # seconds of all threads


def since(started: Took) -> Took:
    return Took(time.perf_counter() - started.wall, time.process_time() - started.cpu)


def with_splits(data: Samples, *, seed: int = 0) -> Samples:
    """Groups drawn to the splits."""
    assert data.groups is not None
    groups, member = np.unique(data.groups, return_inverse=True)
    places = np.random.default_rng(seed).permutation(len(groups)) / len(groups)
    ends = np.cumsum(list(SHARES.values()))
    names = np.array(list(SHARES))[np.searchsorted(ends[:-1], places, side="right")]
    return dataclasses.replace(data, splits=names[member])


def config_of(epochs: int | None) -> Config:
    """What lopsided train takes by itself, or with so many epochs."""
    given = {} if epochs is None else {"epochs": epochs}
    config = Config(source="text:packages", training=TrainingOptions(**given, accelerator="cpu"))
    return usual_for_texts(config, given={f"training.{name}" for name in given})


def ours(data: Samples, config: Config) -> tuple[Took, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        started = Took(time.perf_counter(), time.process_time())
        run = fit(config, Path(folder) / "run", data=data)
        took = since(started)
        return took, collected(run.load(), data, split="test", batch_size=512).logits.numpy()


def known_to_rival(data: Samples, *, validation: bool) -> np.ndarray:
    return np.flatnonzero(data.splits != "test") if validation else data.rows("train")


def by_rarity(data: Samples, features: csr_array) -> csr_array:
    """Terms weighed by the log of how rare they are among the training texts, rows of length 1 again."""
    from sklearn.feature_extraction.text import TfidfTransformer

    weighed = TfidfTransformer().fit(csr_matrix(features)[data.rows("train")]).transform(csr_matrix(features))
    return csr_array(weighed).astype(np.float32)


def of_libmultilabel(
    data: Samples, features: csr_array | None, *, validation: bool, threads: int
) -> tuple[Took, np.ndarray]:
    from libmultilabel import linear
    from sklearn.feature_extraction.text import TfidfVectorizer

    known, test = known_to_rival(data, validation=validation), data.rows("test")
    started = Took(time.perf_counter(), time.process_time())
    if features is None:
        texts = [str(text) for text in data.texts]  # pyright: ignore[reportAttributeAccessIssue]
        vectoriser = TfidfVectorizer().fit([texts[i] for i in known])  # as its preprocessor does
        features = csr_array(vectoriser.transform(texts))
    inputs, targets = csr_matrix(features).astype(float), csr_matrix(data.labels.positives.astype(float))
    model = linear.train_1vsrest(targets[known], inputs[known], False, f"-s 2 -m {threads}", False)
    took = since(started)
    return took, np.asarray(linear.predict_values(model, inputs[test]))


def of_omikuji(data: Samples, features: csr_array, *, validation: bool, threads: int) -> tuple[Took, np.ndarray]:
    import omikuji

    known, test = known_to_rival(data, validation=validation), data.rows("test")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        with path.open("w") as file:
            file.write(f"{len(known)} {features.shape[1]} {len(data.labels.names)}\n")
            for i in known.tolist():
                labels = ",".join(map(str, data.labels.positives[[i]].indices.tolist()))
                row = features[[i]]
                pairs = (f"{k}:{v:.7g}" for k, v in zip(row.indices.tolist(), row.data.tolist(), strict=True))
                file.write(f"{labels} {' '.join(pairs)}\n")
        started = Took(time.perf_counter(), time.process_time())
        model = omikuji.Model.train_on_data(str(path), omikuji.Model.default_hyper_param(), threads)
        took = since(started)
    scores = np.zeros((len(test), len(data.labels.names)), np.float32)
    for row, i in enumerate(test.tolist()):
        one = features[[i]]
        pairs = list(zip(one.indices.tolist(), one.data.tolist(), strict=True))
        for label, score in model.predict(pairs, beam_size=10, top_k=scores.shape[1]):
            scores[row, label] = score
    return took, scores


def measured(rival: str, train: Callable[[], tuple[Took, np.ndarray]], data: Samples, where: dict[str, str]) -> None:
    try:
        took, scores = train()
    except ModuleNotFoundError as error:
        print(f"{rival:54} left out: {error}")
        return
    targets = data.labels.dense(data.rows("test"))[0]
    first = np.take_along_axis(targets, np.argsort(-scores, axis=1, kind="stable")[:, :5], axis=1)
    precision = mean_average_precision(torch.from_numpy(scores.astype(np.float32)), torch.from_numpy(targets))
    numbers = {
        "mAP": f"{100 * float(precision):.2f}",
        "P@1": f"{100 * first[:, 0].mean():.2f}",
        "P@5": f"{100 * first.mean():.2f}",
        "seconds": f"{took.wall:.1f}",
        "cpu_seconds": f"{took.cpu:.1f}",
    }
    print(f"{rival:54}" + "".join(f"{name} {value:>7}  " for name, value in numbers.items()), flush=True)
    append("text", [{**where, "rival": rival, **numbers}])


def main() -> None:
    parser = argparse.ArgumentParser(description="Tags of package descriptions, beside LibMultiLabel and Omikuji.")
    parser.add_argument("data", type=Path, help="packages.jsonl, with the columns text, labels and group")
    parser.add_argument("--epochs", type=int, help="of ours (default: as lopsided train)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="rivals whose name begins so")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = with_splits(read_source(f"text:{options.data}", DataOptions(validation_share=0)))
    threads, features = options.threads, fit_tfidf(data).apply(data).features
    assert isinstance(features, csr_array)
    config = config_of(options.epochs)
    rare = by_rarity(data, features)
    rivals: dict[str, Callable[[], tuple[Took, np.ndarray]]] = {
        f"lopsided, tfidf, {config.training.epochs} epochs": lambda: ours(data, config)
    }
    for validation in (False, True):
        of_rivals = partial(of_libmultilabel, data, validation=validation, threads=threads)
        of_trees = partial(of_omikuji, data, validation=validation, threads=threads)
        more = ", and validation" if validation else ""
        rivals[f"LibMultiLabel, L2-SVM, its features{more}"] = partial(of_rivals, features=None)
        rivals[f"LibMultiLabel, L2-SVM, our features{more}"] = partial(of_rivals, features=features)
        rivals[f"LibMultiLabel, L2-SVM, ours by rarity{more}"] = partial(of_rivals, features=rare)
        rivals[f"Omikuji, Parabel, our features{more}"] = partial(of_trees, features=features)
        rivals[f"Omikuji, Parabel, ours by rarity{more}"] = partial(of_trees, features=rare)
    installed = [name for name in ("libmultilabel", "omikuji") if importlib.util.find_spec(name)]
    where = environment("cpu", ("torch", "scikit-learn", *installed))
    for rival, train in rivals.items():
        if rival.startswith(options.only):
            measured(rival, train, data, where)


if __name__ == "__main__":
    main()
