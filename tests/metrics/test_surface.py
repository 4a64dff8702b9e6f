import lopsided.metrics


def test_all_that_is_exported_is_there_and_nothing_twice():
    names = lopsided.metrics.__all__
    assert names == sorted(names, key=lambda name: (not name[0].isupper(), name))
    assert len(set(names)) == len(names)
    assert all(callable(getattr(lopsided.metrics, name)) for name in names)
