import pytest

from lopsided.data import DataError
from lopsided.data.readers.arff.file import read_arff_file
from lopsided.data.readers.arff.values import positive_codes


@pytest.fixture
def codes(tmp_path):
    """Position of the positive value of a label that is declared so."""

    def write_and_read(declared, **settings):
        path = tmp_path / "toy.arff"
        path.write_text(f"@relation r\n@attribute x numeric\n@attribute cat {declared}\n@data\n1,?\n")
        return positive_codes(read_arff_file(path), ["cat"], **settings)["cat"]

    return write_and_read


PAIRS = ["T F", "y n", "Yes NO", "true false", "on off", "+ -", "+1 -1", "1 0", "1 -1", "1.0 0", "pos neg", "p n"]
PAIRS += ["positive negative", "present absent", "ja nein", "oui non", "s\u00ed no", "vrai faux", "wahr falsch"]


@pytest.mark.parametrize("pair", PAIRS)
def test_known_pairs_are_told_in_both_orders(codes, pair):
    positive, negative = pair.split()
    assert codes(f"{{{positive},{negative}}}") == 0
    assert codes(f"{{{negative},{positive}}}") == 1


@pytest.mark.parametrize(
    ("declared", "code"), [("{yes}", 0), ("{1}", 0), ("{no}", None), ("{0}", None), ("{-1}", None)]
)
def test_a_lone_value_of_a_known_pair_is_told(codes, declared, code):
    assert codes(declared) == code


@pytest.mark.parametrize("declared", ["{a,b}", "{1,2}", "{2,0}", "{yes,false}", "{T,t}", "{0,-1}", "{yes,1}", "{cat}"])
def test_anything_else_is_refused_with_its_line_and_the_way_to_say_it(codes, declared):
    with pytest.raises(
        DataError, match=r"toy\.arff, line 3: expected values of label 'cat' .*say it by --data\.positive"
    ):
        codes(declared)


def test_the_value_that_is_said_is_positive_whatever_it_is(codes):
    assert codes("{low,high}", positive="low") == 0
    assert codes("{0,1}", positive="0") == 0
    assert codes("{low,high}", positive="high") == 1


@pytest.mark.parametrize(
    ("positive", "message"),
    [
        ("HIGH", "expected values of label 'cat' of which"),
        ("low|high", "line 3: expected one of the values of label 'cat' in data.positive, got low and high"),
        ("low|much", "expected values of labels as data.positive, got 'much'"),
        ("|", "expected the value that means"),
    ],
)
def test_a_value_that_no_label_has_or_that_says_nothing_is_refused(codes, positive, message):
    with pytest.raises(DataError, match=message):
        codes("{low,high}", positive=positive)
