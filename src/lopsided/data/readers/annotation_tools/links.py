"""From the links that a tool keeps to files of this machine."""

import os
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from lopsided.data.images.files import relative_path
from lopsided.files.errors import DataError, quoted

_UPLOAD = re.compile(r"[0-9a-f]{8}-(.+)")  # eight digits that Label Studio puts before the name of an upload


class ImageFinder:
    """Finds the file that a link ends with.

    Args:
        root: Folder of the data set.
        folders: Where files may be, relative to the root, the likeliest first.
    """

    def __init__(self, root: Path, *, folders: tuple[str, ...]) -> None:
        self.root = root
        self._folders = [folder for folder in folders if (root / folder).is_dir()]

    def path(self, link: str) -> str:
        """The path, from the root on, of the file with the longest end of a link; without one, of the link's last part.

        Args:
            link: Such as ``/data/upload/1/0a1b2c3d-cat.jpg``, ``/data/local-files/?d=cats/cat.jpg``, an address of the
                web or of a bucket, or a path of another machine.

        Raises:
            DataError: The link names no file, or leads out of the folder.
        """
        parts = relative_path(path_of_link(link)).split("/")
        for start in range(len(parts)):
            end = "/".join(parts[start:])
            for folder in self._folders:
                if os.path.isfile(self.root / folder / end):
                    return f"{folder}/{end}" if folder else end
        upload = _UPLOAD.fullmatch(parts[-1])
        if upload:
            for folder in self._folders:
                if os.path.isfile(self.root / folder / upload[1]):
                    return f"{folder}/{upload[1]}" if folder else upload[1]
        return parts[-1]


def image_root(file: Path, image_folder: str | None) -> Path:
    """The folder that the images of a file lie below: its own, or the one that the user says.

    Raises:
        DataError: There is no such folder.
    """
    root = file.parent if image_folder is None else file.parent / Path(image_folder).expanduser()
    if not root.is_dir():
        raise DataError(f"expected data.image_folder to be a folder, got none: {quoted(image_folder)}", path=root)
    return root


def path_of_link(link: str) -> str:
    r"""What a link says about the place of a file, without a leading slash.

    Example:
        >>> path_of_link("/data/local-files/?d=cats/a%20b.jpg"), path_of_link("s3://bucket/cats/a.jpg?v=2")
        ('cats/a b.jpg', 'cats/a.jpg')
        >>> path_of_link(r"C:\cats\a.jpg")
        'cats/a.jpg'
    """
    if "://" not in link and not link.startswith("/data/"):
        plain = re.sub(r"^[A-Za-z]:", "", link.replace("\\", "/"))
        return plain.lstrip("/")
    parts = urlsplit(link)
    inner = parse_qs(parts.query).get("d")
    return inner[0].lstrip("/") if inner else unquote(parts.path).lstrip("/")
