import lopsided.data


def test_every_public_name_is_there_and_in_order():
    assert list(lopsided.data.__all__) == sorted(lopsided.data.__all__)
    assert all(hasattr(lopsided.data, name) for name in lopsided.data.__all__)
