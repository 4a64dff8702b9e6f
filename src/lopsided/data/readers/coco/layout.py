"""Where the files of a data set in COCO's format lie on a disk."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from lopsided.data.cell_values import parse_split
from lopsided.data.split_names import USUAL_SPLITS
from lopsided.files.errors import DataError

_PUBLISHED = re.compile(r"instances_(train|val)(\d{4})\.json")
_OF_OTHER_KINDS = ("captions_", "person_keypoints_", "stuff_", "panoptic_", "image_info_")
_OF_A_SPLIT_FOLDER = "_annotations.coco.json"


class AnnotationFile(NamedTuple):
    """A file of annotations, and where its images may be.

    Args:
        path: The file.
        split: The split of its images.
        image_folders: Folders relative to that of the data set, which is ``""``, the likeliest first.
        origin: Where its images come from, for errors.
    """

    path: Path
    split: str
    image_folders: tuple[str, ...]
    origin: str


def find_annotations(folder: Path, *, year: int | None = None) -> tuple[str, list[AnnotationFile]]:
    """Find out which layout a folder has; ``read_coco`` says which there are.

    Args:
        folder: Folder of the data set.
        year: Year of MS-COCO, where the folder holds several.

    Returns:
        The name of the data set, and its files, one per split.

    Raises:
        DataError: The folder has no such layout, or it is not clear which.
    """
    try:
        places = _places(folder)
        published: dict[int, dict[str, Path]] = {}
        for path in _json_files(places):
            if match := _PUBLISHED.fullmatch(path.name):
                published.setdefault(int(match[2]), {}).setdefault(match[1], path)
        if published or year is not None:
            return _of_year(folder, published, year)
        return folder.resolve().name, _others(folder, places)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=error.filename) from error


def _places(folder: Path) -> list[Path]:
    """Folders that the archives of MS-COCO's annotations unpack to, each in its own folder or not."""
    named = sorted(path for path in folder.iterdir() if path.name.lower().startswith("annotations") and path.is_dir())
    return [*named, *(path / "annotations" for path in named if (path / "annotations").is_dir()), folder]


def _json_files(places: Iterable[Path]) -> list[Path]:
    return [
        path
        for place in places
        for path in sorted(place.iterdir())
        if path.suffix.lower() == ".json" and not path.name.startswith(".") and path.is_file()
    ]


def _of_year(folder: Path, published: dict[int, dict[str, Path]], year: int | None) -> tuple[str, list[AnnotationFile]]:
    years = sorted(published)
    if year is None and len(years) > 1:
        came = " and ".join(map(str, years))
        raise DataError(f"expected one year, got {came}; choose by --data.year {years[0]}", path=folder)
    year = years[0] if year is None else year
    if year not in published:
        came = f"only the year {', '.join(map(str, years))}" if years else "none"
        raise DataError(
            f"expected instances_train{year}.json or instances_val{year}.json, of "
            f'"{year} Train/Val annotations" of cocodataset.org, got {came}',
            path=folder,
        )
    files = []
    for split, path in sorted(published[year].items()):
        origin = f'"{year} {split.capitalize()} images" of cocodataset.org'
        files.append(_annotation_file(folder, path, split, [f"{split}{year}", split], origin))
    return f"MS-COCO {year}", files


def _others(folder: Path, places: list[Path]) -> list[AnnotationFile]:
    """Files whose split their names say, or the names of their folders."""
    candidates = [path for path in _json_files(places) if not path.name.lower().startswith(_OF_OTHER_KINDS)]
    instances = [path for path in candidates if path.name.lower().startswith("instances")]
    if instances:
        return _named_by_split(folder, instances)
    if in_folders := _in_split_folders(folder):
        return in_folders
    if candidates:
        return _named_by_split(folder, candidates)
    near = ", ".join(path.name for path in _json_files(places)[:3]) or "no JSON file"
    raise DataError(
        "expected annotations/instances_train2014.json or the like, of "
        f'"2014 Train/Val annotations" of cocodataset.org, or another JSON file of instances, got {near}',
        path=folder,
    )


def _named_by_split(folder: Path, paths: list[Path]) -> list[AnnotationFile]:
    found: dict[str, AnnotationFile] = {}
    for path in paths:
        stem = path.stem.removeprefix("instances_")
        words = {word: split for word in re.findall(r"[^\W_]+", stem) if (split := _split_of(word))}
        if len(set(words.values())) != 1 and len(paths) > 1:
            names = ", ".join(path.name for path in paths[:4])
            raise DataError(f"expected train, val or test in the name of each of {names}, got {path.name}", path=folder)
        split = next(iter(words.values())) if len(set(words.values())) == 1 else "train"
        if split in found:
            came = f"{found[split].path.relative_to(folder)} and {path.relative_to(folder)}"
            raise DataError(f"expected one file of annotations for {split}, got {came}", path=folder)
        spelled = [*words, *(word.rstrip("0123456789") for word in words), *words.values()] or [stem]
        found[split] = _annotation_file(folder, path, split, spelled, f"of {path.name}")
    return list(found.values())


def _in_split_folders(folder: Path) -> list[AnnotationFile]:
    found: dict[str, AnnotationFile] = {}
    for place in sorted(path for path in folder.iterdir() if _split_of(path.name) and path.is_dir()):
        paths = _json_files([place])
        if any(path.name == _OF_A_SPLIT_FOLDER for path in paths):
            paths = [place / _OF_A_SPLIT_FOLDER]
        if not paths:
            continue
        split = _split_of(place.name)
        if len(paths) > 1 or split in found:
            came = [*([found[split].path] if split in found else []), *paths][:2]
            names = " and ".join(str(path.relative_to(folder)) for path in came)
            raise DataError(f"expected one file of annotations for {split}, got {names}", path=folder)
        found[split] = _annotation_file(folder, paths[0], split, [place.name], f"of {paths[0].name}")
    return list(found.values())


def _split_of(word: str) -> str:
    """The split that a word such as ``train``, ``Valid`` or ``val2017`` names, or an empty text."""
    name = parse_split(word.rstrip("0123456789") or "none")
    return name if name in USUAL_SPLITS else ""


def _annotation_file(folder: Path, path: Path, split: str, words: list[str], origin: str) -> AnnotationFile:
    here = path.parent.relative_to(folder).as_posix()
    here = "" if here == "." else f"{here}/"
    folders = [*words, *(f"images/{word}" for word in words), *(f"{word}/images" for word in words)]
    folders += [f"{word}/{word}" for word in words]  # an archive unpacked into a folder of its own name
    folders += ["images", "", "data", here.rstrip("/"), f"{here}images"]
    return AnnotationFile(path, split, tuple(dict.fromkeys(folders)), origin)
