"""The fuzz targets, tried without a fuzzer, so that they stay what `make fuzz` can use."""

import random

import pytest

from tests.fuzz.layout_targets import ALL_TARGETS
from tests.fuzz.targets import attempt, lay_out

MUTATIONS = 40


def mutated(seed, words, draw):
    """A seed with one to four changes: bytes put in, taken away, repeated or exchanged."""
    content = bytearray(seed)
    for _ in range(draw.randint(1, 4)):
        at, to = sorted(draw.randint(0, len(content)) for _ in range(2))
        match draw.randrange(4):
            case 0:
                content[at:at] = draw.choice(words)
            case 1:
                del content[at : min(to, at + 8)]
            case 2:
                content[at:at] = content[at : min(to, at + 40)]
            case _:
                content[at : at + 1] = bytes([draw.randrange(256)])
    return bytes(content)


@pytest.mark.parametrize("name", ALL_TARGETS)
def test_seeds_are_read_and_what_becomes_of_them_is_read_or_refused(tmp_path, name):
    target, draw = ALL_TARGETS[name], random.Random(name)
    lay_out(target, tmp_path)
    said = [attempt(target, tmp_path, seed) for seed in target.seeds]
    assert said.count(None) >= 1, said
    refused = sum(
        attempt(target, tmp_path, mutated(seed, target.words, draw)) is not None
        for seed in target.seeds
        for _ in range(MUTATIONS)
    )
    assert refused > 0
