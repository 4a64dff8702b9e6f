from lopsided.data import DataOptions


def test_other_data_is_read_whole_and_in_the_way_of_the_run():
    of_run = DataOptions(missing=0.5, year=2007, difficult="negative", image_size=64)
    assert of_run.for_new_data("voc:other") == DataOptions(validation_share=0, difficult="negative")
    assert of_run.for_new_data("arff:other") == DataOptions(validation_share=0)
    assert DataOptions(positive="high").for_new_data("arff:other").positive == "high"
