"""Images with a file of tags beside each."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from tqdm import tqdm

from lopsided.data.cell_values import parse_split
from lopsided.data.manifest import Manifest
from lopsided.data.options import Unannotated
from lopsided.data.readers.collector import Collector
from lopsided.data.readers.image_folders.tag_json import choose_member, labels_in_json
from lopsided.data.readers.image_folders.tag_text import read_tag_text, separator_of, tags_in_text
from lopsided.data.readers.listing.folder import images_below
from lopsided.data.split_names import USUAL_SPLITS
from lopsided.files.errors import DataError
from lopsided.files.json_file import read_json

_ENDINGS = (".txt", ".json")
_LARGEST = 200_000_000  # bytes of a JSON file, which may hold the image itself


def read_sidecars(
    folder: Path,
    *,
    separator: str | None = None,
    labels_column: str | None = None,
    unannotated: Unannotated = "drop",
    label_names: Sequence[str] = (),
) -> Manifest:
    r"""Read images with a file of tags beside each.

    Beside ``a.jpg`` that is ``a.txt``, ``a.jpg.txt``, ``a.json`` or ``a.jpg.json``. A text holds tags joined by commas,
    or a tag on each line; where it may be either, or something else seems to join them, an option decides. JSON holds a
    list of tags, or an object with one under ``labels`` or ``tags``; names with true, false or null (unknown) there; or
    the ``shapes`` or ``flags`` of LabelMe. An empty file says that an image has no label.

    Args:
        folder: Is searched with all folders below; where all images lie in ``train``, ``val`` and ``test``, these are
            their splits, and otherwise all are ``train``.
        separator: What joins tags in a text, such as ``,``; ``\n`` for a tag on each line. Lines always end a tag.
        labels_column: The member of JSON objects that holds the labels, where there are several.
        unannotated: Images without such a file: ``drop`` leaves them out, ``drop_train`` out of training, ``keep``
            counts them as images without labels.
        label_names: Names that are labels even where they never occur.

    Raises:
        DataError: There is no image or no such file, a file is malformed, or it is not clear what joins tags.
    """
    if unannotated not in get_args(Unannotated):
        raise DataError(f"expected unannotated to be one of {', '.join(get_args(Unannotated))}, got {unannotated!r}")
    images = sorted(images_below(folder))
    try:
        beside = _beside(folder, images)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=error.filename or folder) from error
    if not beside:
        raise DataError("expected files such as a.txt or a.json beside a.jpg, got none", path=folder)
    texts, objects = _contents(beside)
    joined_by = separator_of(texts) if separator is None else separator
    member = choose_member(objects, labels_column)
    found, without = Collector(folder, folder), len(images) - len(beside)
    for image, split in zip(images, _splits(images), strict=True):
        path = beside.get(image)
        try:
            if path in texts:
                found.add(image, tags_in_text(texts[path], joined_by), split=split)
            elif path is not None:
                positive, unknown = labels_in_json(objects[path], member, separator)
                found.add(image, positive, unknown=unknown, split=split)
            elif unannotated == "keep" or (unannotated == "drop_train" and split != "train"):
                found.add(image, (), split=split)
        except DataError as error:
            raise DataError(str(error), path=path or folder) from None
    notes = [_how(joined_by)] * (bool(texts) and separator is None) + _alone(folder, set(beside.values()))
    if without:
        done = "count as images without labels" if unannotated == "keep" else "are left out"
        notes.append(f"{without} of {len(images)} images have no file of tags and {done} (--data.unannotated)")
    return found.manifest(folder.resolve().name, label_names=label_names, notes=notes)


def _beside(folder: Path, images: Sequence[str]) -> dict[str, Path]:
    """The one file of tags beside each image that has one; each folder is read once."""
    held: dict[str, set[str]] = {}
    found = {}
    for image in images:
        place, name = os.path.split(os.path.join(folder, image))
        if place not in held:
            held[place] = {other for other in os.listdir(place) if other.endswith(_ENDINGS)}
        stem = name.rpartition(".")[0]
        there = [start + end for end in _ENDINGS for start in (stem, name) if start + end in held[place]]
        if len(there) > 1:
            came = " and ".join(there)
            raise DataError(f"expected one file of tags beside {name}, got {came}", path=place)
        if there:
            found[image] = Path(place, there[0])
    return found


def _contents(beside: Mapping[str, Path]) -> tuple[dict[Path, str], dict[Path, Any]]:
    """What the files of tags hold: texts, and JSON."""
    texts: dict[Path, str] = {}
    objects: dict[Path, Any] = {}
    paths = dict.fromkeys(beside.values())
    for path in tqdm(paths, desc="tags", unit="file", disable=None, leave=False, file=sys.stderr):
        if path.suffix == ".txt":
            texts[path] = read_tag_text(path)
        else:
            objects[path] = _without_image(read_json(path, at_most=_LARGEST))
    return texts, objects


def _without_image(content: Any) -> Any:
    """The content without the image itself, which LabelMe may write into the file."""
    if isinstance(content, dict):
        content.pop("imageData", None)
    return content


def _splits(images: Sequence[str]) -> list[str]:
    """The split of each image: its outermost folder, if all images lie in folders that are called like splits."""
    outer = [image.partition("/")[0] if "/" in image else "" for image in images]
    splits = {name: parse_split(name) for name in set(outer) if name.strip()}
    if "" in outer or not set(splits.values()) <= set(USUAL_SPLITS):
        return ["train"] * len(images)
    return [splits[name] for name in outer]


def _how(separator: str) -> str:
    if separator == ",":
        return "tags are read as joined by commas (--data.separator)"
    return "tags are read as one on each line (--data.separator)"


def _alone(folder: Path, used: set[Path]) -> list[str]:
    """A note on files of tags without an image."""
    found = [
        Path(place, name)
        for place, folders, names in os.walk(folder)
        if folders.sort() is None
        for name in sorted(names)
        if name.endswith(_ENDINGS) and not name.startswith(".") and Path(place, name) not in used
    ]
    if not found:
        return []
    return [f"{len(found)} files end as tags do, but lie beside no image, such as {found[0].relative_to(folder)}"]
