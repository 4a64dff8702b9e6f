"""Decode image files to RGB images in memory; whatever is wrong with a file becomes one error."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lopsided.data.images.channels import Channels, channels_of
from lopsided.files.errors import DataError
from lopsided.files.regular import check_regular

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""The formats that are opened, whatever the file is called."""

MAX_PIXELS = 178_956_970
"""Larger images are refused before they are decoded; Pillow refuses them too."""

_ORIENTATION = 0x0112  # tag of EXIF: 1 (upright) to 8
_BITS_PER_SAMPLE = 0x0102  # tag of TIFF
_HIGH_BIT_DEPTHS = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")


class UnreadableImage(DataError):  # noqa: N818 (it says what is wrong, not that something is)
    """An image file that cannot be opened.

    Args:
        reason: What was expected and what came.
        path: The file.
    """

    def __init__(self, reason: str, *, path: str | Path | None = None) -> None:
        super().__init__(reason, path=path)
        self.reason = reason


def check_pillow() -> None:
    """Raise a ModuleNotFoundError that names the extra to install where Pillow cannot be imported."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise ModuleNotFoundError('image files need Pillow: pip install "lopsided[vision]"', name="PIL") from error


def open_image(path: str | Path, *, size: int) -> Image.Image:
    """Decode an image file: its first frame, upright, in RGB of 8 bits; transparent places are white.

    Args:
        path: A file of one of ``FORMATS``, or several that hold a channel each (:func:`channels_of`): of one with
            colours the brightest counts, and half of a yellow channel is added to red and to green.
        size: Side in pixels that the caller needs. A JPEG file that is at least twice as large in both directions is
            decoded at a half, a quarter or an eighth that still has this many pixels, in a fraction of the time.

    Returns:
        An image of mode RGB. More than 8 bits are scaled, not cut off; CMYK is converted without its colour profile.

    Raises:
        UnreadableImage: The file is missing, not an image, damaged, cut off or too large.
        ModuleNotFoundError: Pillow is not installed.
    """
    check_pillow()
    joined = channels_of(path)
    if joined is not None:
        return _joined(joined, path, size)
    return _one_file(path, size, white=None)


def _one_file(path: str | Path, size: int, *, white: int | None) -> Image.Image:
    _check_file(path)
    try:
        # Pillow warns of metadata that no pixel depends on, and of sizes, which MAX_PIXELS decides on.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decoded(path, size, white)
    except UnreadableImage:
        raise
    except Exception as error:  # damaged files make decoders fail in every way there is
        raise UnreadableImage(_reason(error), path=path) from error


def _joined(channels: Channels, path: str | Path, size: int) -> Image.Image:
    """An image whose channels are files of their own."""
    from PIL import Image

    planes = []
    for file in channels.files:
        try:
            planes.append(np.asarray(_one_file(file, size, white=channels.white)).max(axis=2))
        except UnreadableImage as error:
            raise UnreadableImage(f"{file.name}: {error.reason}", path=path) from error
        if planes[-1].shape != planes[0].shape:
            sizes = " and ".join(f"{plane.shape[1]} x {plane.shape[0]}" for plane in (planes[0], planes[-1]))
            raise UnreadableImage(f"expected channels of one size, got {sizes} pixels", path=path)
    colours = np.stack(planes[:3], axis=2)
    if len(planes) == 4:
        yellow = planes[3][:, :, None].astype(np.uint16) // 2
        colours[:, :, :2] = np.minimum(colours[:, :, :2] + yellow, 255)
    return Image.fromarray(colours)


def why_unreadable(path: str | Path) -> str:
    """Try again to open an image file, and give the reason why it cannot be opened, without the path.

    Example:
        >>> why_unreadable("nowhere/a.jpg")
        'cannot be read: No such file or directory'
    """
    try:
        open_image(path, size=1)
    except UnreadableImage as error:
        return error.reason
    return "it can be opened now"


def _check_file(path: str | Path) -> None:
    """Refuse what is wrong before any decoder runs, such as a pipe, which one would wait for without end."""
    try:
        about = check_regular(path, wanted="an image file")
    except DataError as error:
        raise UnreadableImage(str(error).removeprefix(f"{path}: "), path=path) from error
    if not about.st_size:
        raise UnreadableImage("expected an image file, got an empty file", path=path)


def _decoded(path: str | Path, size: int, white: int | None) -> Image.Image:
    from PIL import Image

    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            came = f"{image.width} x {image.height}"
            raise UnreadableImage(f"expected an image of at most {MAX_PIXELS:,} pixels, got {came}", path=path)
        image.draft(None, (size, size))
        image.load()
        turn = _turn(image)  # after loading: some files have EXIF after the pixels, and Pillow turns TIFF itself
        colours = _white_behind(_eight_bits(image, path, white))
    return colours if turn is None else colours.transpose(turn)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """The transposition that turns an image upright."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        return turns.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # decoders fail in every way, but an image whose EXIF is damaged can be looked at
        return None


def _eight_bits(image: Image.Image, path: str | Path, white: int | None) -> Image.Image:
    from PIL import Image

    if image.mode not in _HIGH_BIT_DEPTHS:
        return image
    if image.mode == "F" or (image.mode == "I" and image.format == "TIFF"):
        raise UnreadableImage("expected pixels of at most 16 bits without sign, got others", path=path)
    # All other files hold 16 bits, or fewer, which Pillow has scaled to 16.
    bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]
    largest = 2**bits - 1
    brightest: int = white or largest
    grey = np.minimum((np.arange(largest + 1) * 255 + brightest // 2) // brightest, 255).astype(np.uint8)
    return Image.fromarray(grey[np.asarray(image)])


def _white_behind(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode not in ("LA", "La", "PA", "RGBA", "RGBa") and "transparency" not in image.info:
        return image.convert("RGB")
    # Transparent pixels hold whatever colours a program left there; drawings are made for a white page.
    colours = image.convert("RGBA")
    canvas = Image.new("RGB", colours.size, "white")
    canvas.paste(colours, mask=colours.getchannel("A"))
    return canvas


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombError):
        return f"expected an image of at most {MAX_PIXELS:,} pixels, got more"
    if isinstance(error, UnidentifiedImageError):
        return f"expected an image ({', '.join(FORMATS[:-1])} or {FORMATS[-1]}), got something else or a damaged header"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    said = " ".join(str(error).split()) or type(error).__name__
    return f"cannot be decoded: {said:.120}"
