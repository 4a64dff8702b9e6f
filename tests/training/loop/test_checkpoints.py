import math

import pytest
import torch

from lopsided.training.loop.checkpoints import Best

NAN = math.nan


@pytest.mark.parametrize(
    ("values", "improved", "waited"),
    [
        ((0.2, 0.5, 0.4, 0.5), (True, True, False, False), 2),
        ((NAN, NAN), (True, True), 0),  # no epoch has a value: the last weights serve
        ((NAN, 0.1, NAN), (True, True, False), 1),
        ((0.0,), (True,), 0),
    ],
)
def test_an_epoch_is_the_best_one_if_it_is_better_than_all_before_it(values, improved, waited):
    best = Best()
    assert tuple(best.is_improved_by(value) for value in values) == improved
    assert best.waited == waited
    assert Best.of({"best": best.state_dict()}) == best


@pytest.mark.parametrize(("score", "value"), [(0.5, 0.5), (NAN, -math.inf), (None, -math.inf)])
def test_what_the_trainer_of_lightning_kept_of_the_best_epoch_is_read(score, value):
    callbacks = {
        "_Checkpoint{'monitor': None, 'mode': 'max'}": {"best_model_score": None},
        "_Checkpoint{'monitor': 'val_mAP', 'mode': 'max'}": {
            "best_model_score": None if score is None else torch.tensor(score)
        },
        "EarlyStopping{'monitor': 'val_mAP', 'mode': 'max'}": {"wait_count": 2, "best_score": torch.tensor(0.5)},
    }
    assert Best.of({"callbacks": callbacks}) == Best(value, waited=2)
