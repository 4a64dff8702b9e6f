"""Readers by themselves or, with the labels of a run, as ``read_source`` applies them to a run."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lopsided import data
from lopsided.data import Data, DataOptions, read_source


def _of_run(kind: str, read: Callable[..., Data]) -> Callable[..., Data]:
    def reader(place: str | Path, *, label_names: Sequence[str] | None = None, **options):
        if label_names is None:
            return read(place, **options)
        return read_source(f"{kind}:{place}", DataOptions(validation_share=0, **options), label_names=label_names)

    return reader


read_arff = _of_run("arff", data.read_arff)
read_coco = _of_run("coco", data.read_coco)
read_listing = _of_run("listing", data.read_listing)
read_nus_wide = _of_run("nus-wide", data.read_nus_wide)
read_open_images = _of_run("open-images", data.read_open_images)
read_table = _of_run("table", data.read_table)
read_voc = _of_run("voc", data.read_voc)
