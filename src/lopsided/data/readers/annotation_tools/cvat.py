"""What CVAT exports of images."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from lopsided.data.cell_values import one_form, parse_split
from lopsided.data.images.files import folder_of_images, relative_path
from lopsided.data.manifest import Manifest
from lopsided.data.options import Unannotated
from lopsided.data.readers.annotation_tools.links import image_root
from lopsided.data.readers.collector import Collector
from lopsided.files.errors import DataError, quoted
from lopsided.files.xml import parse_xml

_SHAPES = ("tag", "box", "polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton")
_FORMAT = '"CVAT for images 1.1"'


def read_cvat(
    file: Path,
    *,
    image_folder: str | None = None,
    unannotated: Unannotated = "keep",
    label_names: Sequence[str] = (),
) -> Manifest:
    """Read tags and shapes of images; an image has the labels of all of them, whatever their attributes.

    Args:
        file: ``annotations.xml`` of an export in the format "CVAT for images 1.1". Images are in ``images`` beside it
            or beside the file, in a project also in a folder for each subset.
        image_folder: Where images are instead, from the folder of the file on.
        unannotated: Images without a tag or shape: ``keep`` counts them as images without labels, ``drop_train``
            leaves them out of training, ``drop`` out of all splits.
        label_names: Names that are labels even where they never occur; without effect where the file declares labels.

    Returns:
        Images in the order of the file; labels in the order in which the file declares them, without the parts of
        skeletons. A subset such as ``Train`` or ``Validation`` is a split; all other images are ``train``.

    Raises:
        DataError: The file is of another format or malformed, a label is not declared, or all images are missing.

    Source: docs.cvat.ai, "XML annotation format", version 1.1.
    """
    if unannotated not in get_args(Unannotated):
        raise DataError(f"expected unannotated to be one of {', '.join(get_args(Unannotated))}, got {unannotated!r}")
    root = image_root(file, image_folder)
    reader = _Reader()
    parse_xml(file, start=reader.start, end=reader.end, text=reader.text)
    if not reader.images:
        raise DataError(f"expected at least one <image> ({_FORMAT}), got none", path=file)
    found, left_out = Collector(root, file), 0
    for (split, subset), images in _by_subset(reader.images).items():
        names = [name for name, _ in images]
        inner = [f"images/{subset}", subset] if subset else []
        places = [*inner, "images", "", "images/default", "data"]
        below = folder_of_images(root, names, folders=places, origin="beside the file, or in --data.image_folder")
        for name, labels in images:
            if not labels and (unannotated == "drop" or (unannotated == "drop_train" and split == "train")):
                left_out += 1
                continue
            found.add(f"{below}/{name}" if below else name, labels, split=split)
    empty = sum(not labels for _, _, labels in reader.images)
    return found.manifest(
        file.stem if file.stem != "annotations" else file.resolve().parent.name,
        label_names=list(dict.fromkeys(reader.declared)) or label_names,
        is_whole=bool(reader.declared),
        notes=_notes(empty, left_out, len(reader.images)),
    )


class _Reader:
    """Gathers the labels that ``meta`` declares, and the labels of each ``image``."""

    def __init__(self) -> None:
        self.declared: list[str] = []
        self.images: list[tuple[str, str, dict[str, None]]] = []  # name, subset, labels
        self._seen: set[str] = set()
        self._open: list[str] = []
        self._parts: list[str] = []
        self._label: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open and name != "annotations":
            raise DataError(f"expected <annotations> first ({_FORMAT}), got {quoted(name)}")
        if self._open == ["annotations"] and name == "track":
            raise DataError(f'expected {_FORMAT}, got tracks, as in "CVAT for video": export the images')
        if self._open == ["annotations"] and name == "image":
            self._add_image(attributes)
        elif self._open == ["annotations", "image"] and name in _SHAPES:
            self._add_label(name, attributes)
        elif self._open[-1:] == ["labels"] and name == "label":
            self._label = {}
        self._open.append(name)
        self._parts.clear()

    def text(self, part: str) -> None:
        self._parts.append(part)

    def end(self, name: str) -> None:
        if self._open[-3:-1] == ["labels", "label"]:
            self._label[name] = "".join(self._parts).strip()
        elif self._open[-2:] == ["labels", "label"]:
            if not self._label.get("name"):
                raise DataError("expected a <name> in each <label>, got none")
            if not self._label.get("parent"):  # otherwise it is a part of a skeleton
                self.declared.append(one_form(self._label["name"]))
        self._open.pop()

    def _add_image(self, attributes: dict[str, str]) -> None:
        image = relative_path(attributes.get("name", ""))
        subset = attributes.get("subset", "").strip()
        if f"{subset}/{image}" in self._seen:
            raise DataError(f"expected each image once, got {quoted(image)} again")
        self._seen.add(f"{subset}/{image}")
        self.images.append((image, subset, {}))

    def _add_label(self, shape: str, attributes: dict[str, str]) -> None:
        label = one_form(attributes.get("label", ""))
        if not label:
            raise DataError(f"expected a label of each <{shape}>, got none")
        if self.declared and label not in self.declared:
            raise DataError(f"expected a label that <meta> declares ({', '.join(self.declared)}), got {quoted(label)}")
        self.images[-1][2][label] = None


def _by_subset(
    images: list[tuple[str, str, dict[str, None]]],
) -> dict[tuple[str, str], list[tuple[str, dict[str, None]]]]:
    """Images by split and subset; the subset that CVAT calls ``default`` is none."""
    found: dict[tuple[str, str], list[tuple[str, dict[str, None]]]] = {}
    for name, subset, labels in images:
        split = "train" if subset.lower() in ("", "default") else parse_split(subset)
        found.setdefault((split, subset), []).append((name, labels))
    return found


def _notes(empty: int, left_out: int, count: int) -> list[str]:
    if left_out:
        return [f"{left_out} of {count} images have no annotation and are left out (--data.unannotated keep)"]
    if empty:
        return [
            f"{empty} of {count} images have no annotation and count as images without labels "
            "(--data.unannotated drop leaves them out)"
        ]
    return []
