import os
import pickle
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest

from lopsided.data import DataError
from lopsided.data.images import decode as module
from lopsided.data.images.decode import MAX_PIXELS, UnreadableImage, check_pillow, open_image, why_unreadable
from tests.data.image_manifests import save_noise

Image = pytest.importorskip("PIL.Image", reason="images need Pillow")
ImageFile = pytest.importorskip("PIL.ImageFile", reason="images need Pillow")

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)


@pytest.fixture
def corners():
    """Four colours, one in each corner, and wider than high: no turn or flip leaves it as it is."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24], pixels[:16, 24:], pixels[16:, :24] = RED, GREEN, WHITE
    return Image.fromarray(pixels)


def opened(path, *, size=8):
    image = open_image(path, size=size)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def colours(path):
    return [tuple(pixel) for pixel in opened(path).reshape(-1, 3).tolist()]


def saved(path, image, **settings):
    image.save(path, **settings)
    return path


def refusal(path):
    with pytest.raises(UnreadableImage) as caught:
        open_image(path, size=8)
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    assert "\n" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "gif", "bmp", "tif", "ppm"])
def test_every_format_is_opened_whatever_the_file_is_called(tmp_path, corners, ending):
    path = saved(tmp_path / f"a.{ending}", corners)
    assert np.abs(opened(path, size=999) - np.asarray(corners)).mean() < 4
    for other in ("a", "a.png.jpg", "a b\u00e9.txt"):
        path = path.rename(tmp_path / other)
        assert np.abs(opened(path, size=999) - np.asarray(corners)).mean() < 4


def test_a_large_jpeg_is_decoded_at_a_fraction_that_is_still_large_enough(tmp_path):
    ramp = Image.linear_gradient("L").resize((900, 500))
    path = saved(tmp_path / "a.jpg", ramp, quality=95)
    for size, (width, height) in {
        60: (113, 63),
        62: (113, 63),
        63: (225, 125),
        126: (450, 250),
        251: (900, 500),
    }.items():
        image = open_image(path, size=size)
        assert image.size == (width, height)
        error = np.asarray(image)[..., 0].astype(int) - np.asarray(ramp.resize(image.size))
        assert np.abs(error).max() <= 6


TURNED = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels),
    9: lambda pixels: pixels,
}


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", TURNED)
def test_an_image_is_turned_as_exif_says(tmp_path, corners, orientation, ending):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / f"a.{ending}", corners, exif=exif)
    wanted = TURNED[orientation](np.asarray(corners).astype(int))
    found = opened(path, size=99)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).mean() < 4


def test_a_jpeg_that_is_reduced_is_turned_too(tmp_path, corners):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.jpg", corners.resize((480, 320)), exif=exif)
    image = open_image(path, size=50)
    assert image.size == (80, 120)
    assert image.getpixel((70, 10))[0] > 200 > 50 > image.getpixel((70, 10))[1]  # red, now on the right


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0", b"\xff" * 20])
def test_damaged_exif_does_not_matter(tmp_path, corners, exif):
    assert opened(saved(tmp_path / "a.jpg", corners, exif=exif), size=99).shape == (32, 48, 3)


def test_transparent_places_are_white_whatever_colour_lies_behind(tmp_path):
    pixels = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 255, 0, 128]]], np.uint8)
    assert colours(saved(tmp_path / "a.png", Image.fromarray(pixels))) == [RED, WHITE, (127, 255, 127)]
    grey = np.array([[[0, 255], [0, 0], [0, 128]]], np.uint8)
    path = saved(tmp_path / "grey.png", Image.fromarray(grey))
    assert colours(path) == [(0,) * 3, WHITE, (127,) * 3]


@pytest.mark.parametrize("ending", ["png", "gif"])
def test_a_transparent_colour_of_a_palette_is_white(tmp_path, ending):
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *GREEN, 0, 0, 255])
    image.putdata([0, 1, 2])
    assert colours(saved(tmp_path / f"a.{ending}", image)) == [RED, GREEN, (0, 0, 255)]
    path = saved(tmp_path / f"b.{ending}", image, transparency=1)
    assert colours(path) == [RED, WHITE, (0, 0, 255)]


def test_a_palette_with_many_degrees_of_transparency_is_blended(tmp_path):
    image = Image.new("P", (3, 1))
    image.putpalette([*RED] * 3)
    image.putdata([0, 1, 2])
    path = saved(tmp_path / "a.png", image, transparency=bytes([255, 0, 128]))
    assert colours(path) == [RED, WHITE, (255, 127, 127)]


def test_a_transparent_colour_of_an_image_without_palette_is_white(tmp_path):
    image = Image.fromarray(np.array([[RED, GREEN]], np.uint8))
    assert colours(saved(tmp_path / "a.png", image, transparency=GREEN)) == [RED, WHITE]
    grey = Image.fromarray(np.array([[10, 20]], np.uint8))
    assert colours(saved(tmp_path / "b.png", grey, transparency=20)) == [(10,) * 3, WHITE]


def test_grey_and_black_and_white_become_colours(tmp_path):
    grey = Image.fromarray(np.array([[0, 77, 255]], np.uint8))
    assert colours(saved(tmp_path / "a.png", grey)) == [(0,) * 3, (77,) * 3, WHITE]
    assert colours(saved(tmp_path / "b.png", grey.point(lambda value: 255 * (value > 50)).convert("1")))[0] == (0,) * 3
    assert abs(opened(saved(tmp_path / "c.jpg", Image.new("L", (16, 16), 77))) - 77).max() <= 1


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path, ending):
    values = np.array([[0, 100 * 257, 100 * 257 + 128, 100 * 257 + 129, 65535]], np.uint16)
    path = tmp_path / f"a.{ending}"
    if ending == "pgm":
        path.write_bytes(b"P5 5 1 65535\n" + values.astype(">u2").tobytes())
    else:
        Image.fromarray(values).save(path)
    assert opened(path)[0, :, 0].tolist() == [0, 100, 100, 101, 255]


def test_numbers_of_a_text_pgm_are_scaled_by_its_own_maximum(tmp_path):
    path = tmp_path / "a.pgm"
    path.write_text("P2 3 1 1023\n0 512 1023\n")
    assert opened(path)[0, :, 0].tolist() == [0, 128, 255]


def tiff(*, bits, sample_format, pixels, byte_order="<", width=2):
    """A grey TIFF image of one row."""
    tags = [(256, width), (257, 1), (258, bits), (259, 1), (262, 1), (273, 200), (277, 1), (278, 1)]
    tags += [(279, len(pixels)), (339, sample_format)]
    entries = b"".join(struct.pack(byte_order + "HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    mark = b"II" if byte_order == "<" else b"MM"
    header = mark + struct.pack(byte_order + "HIH", 42, 8, len(tags)) + entries + bytes(4)
    return header.ljust(200, b"\0") + pixels


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"bits": 16, "sample_format": 1, "pixels": struct.pack("<HH", 65535, 25700)}, [255, 100]),
        ({"bits": 16, "sample_format": 1, "pixels": struct.pack(">HH", 65535, 25700), "byte_order": ">"}, [255, 100]),
        ({"bits": 12, "sample_format": 1, "pixels": bytes([0xFF, 0xF8, 0x00])}, [255, 128]),
    ],
)
def test_white_of_a_tiff_image_is_that_of_its_bits(tmp_path, settings, wanted):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(**settings))
    assert opened(path)[0, :, 0].tolist() == wanted


@pytest.mark.parametrize(
    "settings",
    [
        {"bits": 32, "sample_format": 1, "pixels": struct.pack("<II", 1, 2)},
        {"bits": 32, "sample_format": 3, "pixels": struct.pack("<ff", 0.5, 1.0)},
        {"bits": 16, "sample_format": 2, "pixels": struct.pack("<hh", -1, 1)},
    ],
)
def test_pixels_whose_white_nobody_knows_are_refused(tmp_path, settings):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(**settings))
    assert refusal(path) == "expected pixels of at most 16 bits without sign, got others"


@pytest.mark.parametrize("ending", ["jpg", "tif"])
def test_printing_colours_are_converted(tmp_path, ending):
    cyan_free = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert abs(opened(saved(tmp_path / f"a.{ending}", cyan_free)) - RED).max() <= 3
    black = Image.new("CMYK", (16, 16), (0, 0, 0, 255))
    assert opened(saved(tmp_path / f"b.{ending}", black)).max() <= 3


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "tif"])
def test_the_first_frame_of_an_animation_counts(tmp_path, ending):
    first, second = Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), GREEN)
    path = tmp_path / f"a.{ending}"
    first.save(path, save_all=True, append_images=[second])
    assert abs(opened(path) - RED).max() <= 3


def test_the_first_picture_of_a_stereo_camera_counts(tmp_path):
    first, second = Image.new("RGB", (64, 64), RED), Image.new("RGB", (64, 64), GREEN)
    path = tmp_path / "a.jpg"
    first.save(path, format="MPO", save_all=True, append_images=[second])
    assert open_image(path, size=16).size == (16, 16)
    assert abs(opened(path) - RED).max() <= 3


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "gif", "bmp", "tif", "ppm"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.95])
def test_a_file_that_is_cut_off_is_refused(tmp_path, ending, share):
    path = tmp_path / f"a.{ending}"
    save_noise(path, seed=0, size=(64, 64))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    reason = refusal(path)
    if share == 0:
        assert reason == "expected an image file, got an empty file"
    else:  # of 2 per cent not even the kind of the file can be told
        assert reason.startswith("cannot be decoded: " if share > 0.02 else ("expected an image ", "cannot be decoded"))


def test_bytes_behind_the_end_do_not_matter(tmp_path, corners):
    path = saved(tmp_path / "a.jpg", corners)
    path.write_bytes(path.read_bytes() + bytes(100))
    assert opened(path, size=99).shape == (32, 48, 3)


def test_what_is_no_image_is_refused(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_text("<html>404 not found</html>")
    assert refusal(path).startswith("expected an image (JPEG, PNG, WEBP, GIF, BMP, TIFF or PPM), got something else")
    assert refusal(tmp_path) == "expected an image file, got a folder"
    assert refusal(tmp_path / "b.jpg") == "cannot be read: No such file or directory"
    assert "cannot be read: " in (null := refusal(f"{tmp_path}/a\0.jpg"))
    assert "embedded null" in null  # byte, or from Python 3.13 on character in path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    assert refusal(tmp_path / "a.jpg") == "expected an image file, got a device or pipe"


@pytest.mark.parametrize("kind", ["EPS", "PDF", "ICO", "TGA"])
def test_no_other_decoder_gets_to_see_a_file(tmp_path, corners, kind):
    path = tmp_path / "a.jpg"
    corners.save(path, format=kind)
    assert "got something else" in refusal(path)


def png_of(width, height):
    """The header of a PNG file of one bit per pixel, and too few pixels."""

    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def test_an_image_that_is_too_large_is_refused_by_its_header(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(png_of(60_000, 60_000))
    assert refusal(path) == "expected an image of at most 178,956,970 pixels, got more"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert refusal(path) == "expected an image of at most 178,956,970 pixels, got 60000 x 60000"


@pytest.mark.parametrize(("kind", "before"), [(b"iCCP", b"x\0\0"), (b"zTXt", b"x\0\0"), (b"iTXt", b"x\0\1\0\0\0")])
def test_words_in_an_image_that_unpack_to_megabytes_are_refused(tmp_path, kind, before):
    picture, packed = png_of(8, 8), before + zlib.compress(bytes(50_000_000), 9)
    end = picture.index(b"IDAT") - 4
    part = struct.pack(">I", len(packed)) + kind + packed + struct.pack(">I", zlib.crc32(kind + packed))
    path = tmp_path / "a.png"
    path.write_bytes(picture[:end] + part + picture[end:])
    assert "too large" in refusal(path)


@pytest.mark.parametrize("name", ["a.gif", "a.tif", "a.webp"])
def test_of_many_frames_the_first_alone_is_decoded(tmp_path, name, monkeypatch):
    frames = [Image.new("RGB", (16, 16), (10 * number, 0, 0)) for number in range(20)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    monkeypatch.setattr(Image.Image, "seek", None)
    assert opened(tmp_path / name).max() < 5


def test_an_image_of_just_the_largest_size_is_decoded(tmp_path, monkeypatch, corners):
    path = saved(tmp_path / "a.png", corners)
    monkeypatch.setattr(module, "MAX_PIXELS", 32 * 48)
    assert opened(path).shape == (32, 48, 3)
    monkeypatch.setattr(module, "MAX_PIXELS", 32 * 48 - 1)
    assert "got 48 x 32" in refusal(path)
    assert MAX_PIXELS == 178_956_970


def test_warnings_of_the_decoder_reach_nobody_and_its_settings_stay(tmp_path, monkeypatch, corners):
    path = saved(tmp_path / "a.png", corners)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    filters = list(warnings.filters)
    assert opened(path).shape == (32, 48, 3)  # a warning would be an error here
    assert warnings.filters == filters
    assert Image.MAX_IMAGE_PIXELS == 1000
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_whatever_a_decoder_fails_with_is_one_short_line(tmp_path, monkeypatch, corners):
    path = saved(tmp_path / "a.png", corners)
    for error, reason in ((RecursionError("too\n deep"), "too deep"), (MemoryError(), "MemoryError")):

        def fail(*args, error=error, **settings):
            raise error

        monkeypatch.setattr(Image, "open", fail)
        assert refusal(path) == f"cannot be decoded: {reason}"


def test_an_interruption_is_no_unreadable_image(tmp_path, monkeypatch, corners):
    path = saved(tmp_path / "a.png", corners)

    def interrupted(*args, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(Image, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_image(path, size=8)


def test_the_error_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(UnreadableImage("it is green", path="a/b.jpg")))
    assert (type(error), str(error), error.reason) == (UnreadableImage, "a/b.jpg: it is green", "it is green")
    assert isinstance(error, DataError)


def test_the_reason_can_be_asked_for(tmp_path, corners):
    path = tmp_path / "a.png"
    path.touch()
    assert why_unreadable(path) == "expected an image file, got an empty file"
    assert why_unreadable(saved(path, corners)) == "it can be opened now"


def test_without_pillow_the_line_that_installs_it_is_named(monkeypatch):
    for name in ("PIL", "PIL.Image"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "lopsided\[vision\]"'):
        check_pillow()


def test_pillow_is_imported_when_an_image_is_opened_and_not_before():
    code = "import sys, lopsided.data.manifest, lopsided.data.images.check; print('PIL.Image' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
