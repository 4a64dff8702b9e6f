from pathlib import Path

from lopsided.experiments.published import published, published_table

PAGE = Path(__file__).parents[2] / "docs" / "published.md"


def test_the_documentation_shows_the_table_of_the_data():
    assert PAGE.read_text(encoding="utf-8").endswith("\n\n" + published_table())


def test_every_number_has_a_data_set_a_metric_and_a_source():
    for one in published():
        assert one.data
        assert one.metric
        assert one.source
        assert 0 < float(one.value) <= 100
        assert not one.highest or float(one.value) < float(one.highest) <= 100


def test_no_number_stands_there_twice():
    numbers = published()
    assert len(set(numbers)) == len(numbers)
    assert {one.loss for one in numbers} >= {"cross-entropy", "focal", "asymmetric"}
