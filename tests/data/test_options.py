from lopsided.data import DataOptions
from lopsided.data.source import for_new_data


def test_other_data_is_read_whole_and_in_the_way_of_the_run():
    of_run = DataOptions(missing=0.5, year=2007, difficult="negative", image_size=64)
    assert for_new_data(of_run, "voc:other") == DataOptions(validation_share=0, difficult="negative")
    assert for_new_data(of_run, "arff:other") == DataOptions(validation_share=0)
    assert for_new_data(DataOptions(positive="high"), "arff:other").positive == "high"


def test_images_of_a_frozen_backbone_change_only_where_that_is_asked_for():
    assert DataOptions().images().augments
    assert not DataOptions().images(frozen=True).augments
    for asked in (
        {"cutout": 0.2},
        {"mixup": 0.1},
        {"horizontal_flip": True},
        {"random_crop": 0.5},
        {"color_jitter": 0.3},
    ):
        assert DataOptions(**asked).images(frozen=True).augments
