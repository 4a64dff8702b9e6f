"""What to do with data while reading it, and which sources each option is for."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lopsided.data.cell_values import check_policy
from lopsided.files.errors import DataError

Resize = Literal["squash", "crop", "pad"]
Unreadable = Literal["skip", "refuse"]
Unannotated = Literal["drop_train", "drop", "keep"]
Difficult = Literal["unknown", "negative", "positive"]
Unverified = Literal["negative", "unknown"]
Partition = Literal["official", "annotated"]
View = Literal["all", "frontal", "lateral"]
Annotators = Literal["majority", "any", "all"]
ColourChannels = Literal["rgb", "rgby"]

IMAGE_OPTIONS = (
    "image_size",
    "resize",
    "horizontal_flip",
    "random_crop",
    "color_jitter",
    "cutout",
    "rand_augment",
    "mixup",
    "unreadable",
)
"""Of all readers of image files."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "resize": get_args(Resize),
    "unreadable": get_args(Unreadable),
    "unannotated": get_args(Unannotated),
    "difficult": get_args(Difficult),
    "partition": get_args(Partition),
    "unverified": get_args(Unverified),
    "view": get_args(View),
    "annotators": get_args(Annotators),
    "channels": get_args(ColourChannels),
}


@dataclass(frozen=True)
class ImageOptions:
    """How image files become inputs of a network.

    Args:
        size: Height and width of the inputs, pixels, from 8.
        resize: squash (both sides to the size, nothing is lost), crop (the middle square) or pad (grey bars).
        horizontal_flip: Mirror every second image, drawn at random, while training.
        random_crop: Smallest share of an image's area that a crop at random keeps while training, in (0, 1]; 1 crops
            none. The crop takes the place of ``resize`` there.
        color_jitter: Brightness, contrast and saturation are each multiplied by up to this much more or less than 1
            while training, in [0, 1].
        cutout: Side of the square that is greyed out while training, as a share of the image's side, in [0, 1).
        rand_augment: Strength of RandAugment's two random operations while training, from 0 (none) to 30.
        mixup: Alpha of the beta distribution that pairs of training images are mixed by, >= 0; 0 mixes none.
        unreadable: skip (a file that cannot be opened is named and costs nothing) or refuse (an error).

    Raises:
        DataError: A value is out of range.
    """

    size: int = 224  # pixels
    resize: Resize = "squash"
    horizontal_flip: bool = False
    random_crop: float = 1.0  # share of the area
    color_jitter: float = 0.0  # share
    cutout: float = 0.5  # share of the side
    rand_augment: int = 9
    mixup: float = 0.0
    unreadable: Unreadable = "skip"

    def __post_init__(self) -> None:
        if self.size < 8:
            raise DataError(f"expected data.image_size to be at least 8, got {self.size}")
        if not 0 < self.random_crop <= 1:
            raise DataError(f"expected data.random_crop to lie in (0, 1], got {self.random_crop}")
        if not 0 <= self.color_jitter <= 1:
            raise DataError(f"expected data.color_jitter to lie in [0, 1], got {self.color_jitter}")
        if not 0 <= self.cutout < 1:
            raise DataError(f"expected data.cutout to lie in [0, 1), got {self.cutout}")
        if not 0 <= self.rand_augment <= 30:
            raise DataError(f"expected data.rand_augment to lie in [0, 30], got {self.rand_augment}")
        if not 0 <= self.mixup < float("inf"):
            raise DataError(f"expected data.mixup to be at least 0, got {self.mixup}")

    @property
    def augments(self) -> bool:
        """Whether a training image is another one in each epoch."""
        crops = self.random_crop < 1
        return bool(
            self.horizontal_flip or crops or self.color_jitter or self.cutout or self.rand_augment or self.mixup
        )


@dataclass(frozen=True)
class DataOptions:
    """What to do with data while reading it. What is left out takes the default of the source.

    Args:
        train_samples: Scenes of the source ``digits`` to train on, at least 1.
        missing: Share of the training positives to hide, in [0, 1).
        unknown: Share of the training labels, positive or negative, to make unknown, in [0, 1).
        validation_share: Share of the training samples to move to ``val`` where there is no such split, in [0, 1).
        test_share: Share of the training samples to move to ``test`` first, stratified over labels, with groups and
            copies kept together, where there is no such split, in [0, 1).
        fold: Which of the splits fold0, fold1, … to test on; the others are trained on (default: splits as they are).
        image_size: Height and width of images as the network sees them, pixels, from 8 (default 224).
        resize: squash (default; both sides to the size), crop (the middle square) or pad (grey bars).
        horizontal_flip: Mirror every second image, drawn at random, while training (default false).
        random_crop: Smallest share of an image's area that a crop at random keeps while training, in (0, 1], such as
            0.5 (default 1: the whole image, as resize says).
        color_jitter: How far brightness, contrast and saturation change at random while training, in [0, 1], such as
            0.4: each is multiplied by 0.6 to 1.4 (default 0).
        cutout: Side of a square greyed out while training, share of the image's side, in [0, 1) (default 0.5).
        rand_augment: Strength of RandAugment while training, from 0 (none) to 30 (default 9).
        mixup: Alpha of the beta distribution that pairs of training images are mixed by, >= 0 (default 0: none).
        unreadable: skip (default; an image that cannot be opened is named and costs nothing) or refuse.
        year: Which of several years in one folder: 2014 or 2017 of coco, 2007 or 2012 of voc (default: the one there).
        unannotated: Images without any label: drop_train (from training; default of coco), drop (default of
            label-studio, fiftyone and sidecars) or keep (default of cvat and yolo).
        crowd: Count a group of objects as a positive (coco; default true).
        min_area: Objects below this area do not count, pixels of the original image (coco; default 0).
        positive: Value that means that a sample has a label, or several joined by | (arff; default: known pairs).
        difficult: Labels with nothing but difficult objects: unknown (default), negative or positive (voc).
        partition: official (default; the published lists) or annotated (of these, images with a label) (nus-wide).
        unverified: Labels that nobody verified: negative (default) or unknown (open-images).
        first_feature: The number of the first feature, 0 or 1 (svmlight; default: as the file says beyond doubt).
        separator: What joins names in the columns labels and unknown, such as "," (default: |; listing, table,
            text, imagefolder), or in a file of tags, where \\n is a tag on each line (sidecars).
        input_column: Name of the column of paths (listing; default: one called path, image, filename, image_id, …).
        labels_column: Name of the column of joined names of labels (listing, table, text; default: labels, tags, …), or
            of the field that holds labels (label-studio, fiftyone, sidecars; default: the only one).
        label_columns: Names of 0/1 columns, one for each label, joined by commas (listing, table, text; default:
            label:NAME).
        split_column: Name of the column of splits (listing, table, text; default: split, fold, …).
        group_column: Name of the column of groups, such as patients, which splits keep together (listing, table, text).
        weight_column: Name of the column of weights: a factor, >= 0, on the training loss of each sample (listing,
            table, text; default: 1 each).
        ignored_columns: Names of columns that play no role, joined by commas (listing, table, text).
        image_folder: Where paths start, from the folder of the file on (listing, label-studio, cvat; default: there).
        suffix: What follows each path that does not end in it, such as .jpg (listing).
        no_label: Name that means that a sample has no label, such as "No Finding" (listing, table, text).
        blank: What an empty cell of labels is: unknown or negative (listing, table, text; default: in 0/1 columns
            unknown, in a column of names negative); for some labels otherwise: "unknown,NAME=negative".
        uncertain: What -1, u, ? and uncertain are in 0/1 columns: unknown, positive or negative (listing, table,
            text, default: refused, but ? unknown; chexpert, default: unknown); for some labels otherwise:
            "negative,NAME=positive".
        view: all (default), frontal or lateral images (chexpert).
        annotators: Labels of an image that several people looked at: majority (default; a tie is unknown), any or all
            (label-studio).
        channels: rgb (default) or rgby, which adds half of the yellow channel to red and green (protein-atlas).
        text_columns: Names of the columns that make a text, joined by commas, such as title,body (text; default: text,
            body, content, …).

    Raises:
        DataError: A value is out of range.
    """

    train_samples: int = 20_000  # scenes, of digits only
    missing: float = 0.0  # share of the training positives
    unknown: float = 0.0  # share of the training labels
    validation_share: float = 0.1  # share of the training samples
    test_share: float = 0.0  # share of the training samples
    fold: int | None = None  # number, from 0
    image_size: int | None = None  # pixels
    resize: Resize | None = None
    horizontal_flip: bool | None = None
    random_crop: float | None = None  # share of the area
    color_jitter: float | None = None  # share
    cutout: float | None = None  # share of the side
    rand_augment: int | None = None
    mixup: float | None = None
    unreadable: Unreadable | None = None
    year: int | None = None
    unannotated: Unannotated | None = None
    crowd: bool | None = None
    min_area: float | None = None  # pixels
    positive: str | None = None
    difficult: Difficult | None = None
    partition: Partition | None = None
    unverified: Unverified | None = None
    first_feature: int | None = None
    separator: str | None = None
    text_columns: str | None = None
    input_column: str | None = None
    labels_column: str | None = None
    label_columns: str | None = None
    split_column: str | None = None
    group_column: str | None = None
    weight_column: str | None = None
    ignored_columns: str | None = None
    image_folder: str | None = None
    suffix: str | None = None
    no_label: str | None = None
    blank: str | None = None
    uncertain: str | None = None
    view: View | None = None
    annotators: Annotators | None = None
    channels: ColourChannels | None = None

    def __post_init__(self) -> None:
        if self.train_samples < 1:
            raise DataError(f"expected data.train_samples to be at least 1, got {self.train_samples}")
        for name in ("missing", "unknown", "validation_share", "test_share"):
            if not 0 <= (share := getattr(self, name)) < 1:
                raise DataError(f"expected data.{name} to be at least 0 and below 1, got {share}")
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) is not None and value not in choices:
                raise DataError(f"expected data.{name} to be one of {', '.join(choices)}, got {value!r}")
        if self.min_area is not None and not 0 <= self.min_area < float("inf"):
            raise DataError(f"expected data.min_area to be at least 0, got {self.min_area}")
        for name, states in (("blank", ("unknown", "negative")), ("uncertain", ("unknown", "positive", "negative"))):
            try:
                check_policy(getattr(self, name), option=name, states=states)
            except ValueError as error:
                raise DataError(str(error)) from None
        if self.first_feature not in (None, 0, 1):
            raise DataError(f"expected data.first_feature to be 0 or 1, got {self.first_feature!r}")
        if self.separator == "":
            raise DataError("expected data.separator to be at least one character, got an empty text")
        self._check_fold()
        self.images()

    def _check_fold(self) -> None:
        if self.fold is None:
            return
        if self.fold < 0:
            raise DataError(f"expected data.fold to be at least 0, got {self.fold}")
        if self.test_share:
            raise DataError("expected data.fold or data.test_share, got both: the fold is the test split")

    def images(self, *, frozen: bool = False) -> ImageOptions:
        """The part that is about image files; with a frozen backbone, images change only where that is asked for: then
        its features are computed once."""
        given = {name.removeprefix("image_"): value for name, value in self.given().items() if name in IMAGE_OPTIONS}
        return ImageOptions(**(({"cutout": 0.0, "rand_augment": 0} if frozen else {}) | given))

    def given(self) -> dict[str, Any]:
        """What was given of that which only some readers take."""
        fields = dataclasses.fields(self)
        only_some = (field.name for field in fields if field.default is None and field.name != "fold")
        return {name: value for name in only_some if (value := getattr(self, name)) is not None}
