import pytest

from lopsided.inference.evaluate import evaluate


def numbers(value):
    if isinstance(value, dict):
        return {name: numbers(part) for name, part in value.items()}
    if isinstance(value, list):
        return [numbers(part) for part in value]
    return pytest.approx(value, rel=1e-5, abs=1e-6, nan_ok=True) if isinstance(value, float) else value


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("way", ["known", "unknown", "negatives"])
@pytest.mark.parametrize("threshold", [None, 0.2])
def test_every_metric_is_that_of_scores_that_are_held(trained, by_label, sparse, way, threshold):
    run, data = trained(sparse=sparse, way=way)
    wanted = evaluate(run, data, split="test", threshold=threshold)
    by_label()
    assert evaluate(run, data, split="test", threshold=threshold) == numbers(wanted)
    assert wanted["labels_without_positives"]
    assert 0 < wanted["micro_AP"] < 1


@pytest.mark.parametrize("loss", ["adaptive", "cross_entropy", "hill"])
def test_probabilities_are_those_of_the_loss(trained, by_label, loss):
    run, data = trained(loss)
    wanted = evaluate(run, data)
    by_label()
    assert evaluate(run, data) == numbers(wanted)
