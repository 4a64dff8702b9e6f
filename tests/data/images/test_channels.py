import dataclasses

import numpy as np
import pytest
from PIL import Image

from lopsided.data import DataOptions, UnreadableImage, open_image, read_source
from lopsided.data.contents.identity import identity_of
from lopsided.data.contents.leakage import in_two_splits
from lopsided.data.images.channels import channels_of, files_of_image, image_is_there
from tests.data.image_manifests import manifest_of, save_noise

NAME = "cell_{red,green,blue}.png"


def save(folder, name="cell", **values):
    for channel, value in values.items():
        Image.fromarray(np.full((4, 6), value, np.uint16 if value > 255 else np.uint8)).save(
            folder / f"{name}_{channel}.png"
        )


def test_three_files_are_one_image(tmp_path):
    save(tmp_path, red=1, green=2, blue=3)
    image = open_image(tmp_path / NAME, size=4)
    assert (image.mode, image.size, image.getpixel((5, 3))) == ("RGB", (6, 4), (1, 2, 3))


def test_a_number_says_which_value_is_white(tmp_path):
    save(tmp_path, red=500, green=1000, blue=9000)
    assert open_image(tmp_path / "cell_{red,green,blue;2000}.png", size=4).getpixel((0, 0)) == (64, 128, 255)
    assert open_image(tmp_path / NAME, size=4).getpixel((0, 0)) == (2, 4, 35)


def test_of_a_channel_with_colours_the_brightest_counts(tmp_path):
    save(tmp_path, green=2, blue=3)
    Image.new("RGB", (6, 4), (200, 0, 0)).save(tmp_path / "cell_red.png")
    assert open_image(tmp_path / NAME, size=4).getpixel((0, 0)) == (200, 2, 3)


def test_a_file_that_is_really_called_so_is_one_file(tmp_path):
    save_noise(tmp_path / NAME, seed=1)
    save(tmp_path, red=1, green=2, blue=3)
    assert channels_of(tmp_path / NAME) is None
    assert files_of_image(tmp_path / NAME) == (tmp_path / NAME,)


@pytest.mark.parametrize("name", ["a{b}.png", "a_{r,g}.png", "a_{r,g,b,y,z}.png", "a_{r,,b}.png", "a_{r,g,b;0}.png"])
def test_other_names_with_braces_are_names(name):
    assert channels_of(name) is None


def test_channels_of_several_sizes_or_missing_ones_are_named(tmp_path):
    save(tmp_path, red=1, green=2)
    assert not image_is_there(tmp_path / NAME)
    with pytest.raises(UnreadableImage) as error:
        open_image(tmp_path / NAME, size=4)
    assert error.value.reason == "cell_blue.png: cannot be read: No such file or directory"
    save_noise(tmp_path / "cell_blue.png", seed=1, size=(5, 4))
    with pytest.raises(UnreadableImage, match="expected channels of one size, got 6 x 4 and 5 x 4 pixels"):
        open_image(tmp_path / NAME, size=4)


def test_contents_of_joined_images_are_compared(tmp_path):
    for name, red in (("a", 1), ("b", 1), ("c", 9)):
        save(tmp_path, name, red=red, green=2, blue=3)
    names = [NAME.replace("cell", name) for name in "abc"]
    data = manifest_of(tmp_path, names, ["train", "test", "test"])
    assert in_two_splits(data) == 1
    before = identity_of(data)
    save(tmp_path, "b", green=7)
    assert identity_of(data).inputs != before.inputs
    assert in_two_splits(data) == 0


def test_a_listing_holds_such_paths_and_batches_open_them(tmp_path):
    save(tmp_path, red=1, green=2, blue=3)
    (tmp_path / "list.csv").write_text(f'path,labels\n"{NAME}",cat\n')
    data = read_source(f"listing:{tmp_path}/list.csv", DataOptions(validation_share=0))
    batch = data.batch(np.array([0]), dataclasses.replace(DataOptions().images(), size=8), draw=None)
    assert batch["inputs"][0, :, 0, 0].tolist() == [1, 2, 3]
