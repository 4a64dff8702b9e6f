import pytest
from optuna.trial import TrialState

from lopsided.experiments.storage import sqlite_at
from lopsided.experiments.tuning.space import LOSSES, Candidate
from lopsided.experiments.tuning.trials import Space, Trials, best_of, lost
from lopsided.runs.formats import FORMAT
from lopsided.runs.loss.options import LossOptions

SPACE = Space(LOSSES, (2,), (1e-3, 1.0), (1e-4, 1.0))
FIRST = [Candidate(LossOptions("cross_entropy"), 0.1, 0.01, 2), Candidate(LossOptions(gamma_neg=1.0), 0.2, 0.02, 2)]


@pytest.fixture
def storage(tmp_path):
    return sqlite_at(tmp_path / "study.db")


def opened(storage, seed=0):
    return Trials(storage, "a", SPACE, seed=seed)


def test_a_search_begins_with_its_first_candidates_whoever_opens_it(storage):
    with opened(storage) as one, opened(storage) as two:
        one.begin(FIRST, at_most=None)
        two.begin(FIRST, at_most=None)
        taken = [*one.take(1, at_most=9), *two.take(2, at_most=9)]
    assert [trial.candidate.learning_rate for trial in taken[:2]] == [0.1, 0.2]
    assert taken[2].candidate.learning_rate not in (0.1, 0.2)


def test_workers_together_take_no_more_than_there_are(storage):
    with opened(storage) as one, opened(storage) as two:
        assert len(one.take(3, at_most=5)) == 3
        assert len(two.take(3, at_most=5)) == 2
        assert one.take(3, at_most=5) == []


def test_workers_that_begin_together_try_different_things(storage):
    with opened(storage) as one, opened(storage) as two:
        (first,), (second,) = one.take(1, at_most=None), two.take(1, at_most=None)
    assert first.candidate != second.candidate


def test_what_is_proposed_is_the_same_after_a_stop_as_without_one(tmp_path):
    found = []
    for stops in (False, True):
        storage, numbers = sqlite_at(tmp_path / f"{stops}.db"), []
        trials = opened(storage)
        for turn in range(12):
            (taken,) = trials.take(1, at_most=None)
            numbers.append(taken.candidate)
            trials.tell(taken, turn / 12, about={})
            if stops:
                trials.__exit__()
                trials = opened(storage)
        trials.__exit__()
        found.append(numbers)
    assert found[0] == found[1]


def test_a_killed_workers_trials_are_tried_again_and_counted_once(storage):
    killed = opened(storage)
    killed.begin(FIRST, at_most=None)
    done, running = killed.take(2, at_most=3)
    killed.tell(done, 0.5, about={"seconds": 1.0})
    killed.__exit__()  # its claim ends with it, its trial stays as it was
    with opened(storage) as trials:
        again, another = trials.take(5, at_most=3)
        assert again.candidate == running.candidate
        assert again.number != running.number
        for taken in (again, another):
            trials.tell(taken, 0.25, about={})
        assert [trial.value for trial in trials.ended()] == [0.5, 0.25, 0.25]
        assert [trial.number for trial in trials.study.trials if lost(trial)] == [running.number]
        assert not trials.take(5, at_most=3)


def test_a_trial_that_was_given_up_for_lost_cannot_be_told(storage):
    late = opened(storage)
    (taken,) = late.take(1, at_most=1)
    late.held.close()
    with opened(storage) as trials:
        trials.take(1, at_most=1)
        with pytest.raises(ValueError, match="Cannot tell a FAIL trial"):
            late.tell(taken, 0.5, about={})
        assert trials.ended() == []
    late.__exit__()


def test_a_worker_that_lives_keeps_its_trials(storage):
    with opened(storage) as one, opened(storage) as two:
        (taken,) = one.take(1, at_most=1)
        assert two.others_at_work()
        assert not two.take(1, at_most=1)
        one.tell(taken, 0.5, about={})
        assert not two.others_at_work()


def test_diverged_and_pruned_trials_count_and_are_never_the_best(storage):
    with opened(storage) as trials:
        one, two, three = trials.take(3, at_most=3)
        trials.tell(one, None, about={})
        two.trial.report(0.9, 1)
        trials.tell(two, 0.9, pruned=True, about={})
        assert best_of(trials.ended()) is None
        trials.tell(three, 0.1, about={})
        ended = trials.ended()
    assert [trial.state for trial in ended] == [TrialState.PRUNED, TrialState.PRUNED, TrialState.COMPLETE]
    best = best_of(ended)
    assert best is not None
    assert best.number == three.number


def test_the_first_of_equals_is_the_best(storage):
    with opened(storage) as trials:
        for taken in trials.take(3, at_most=3):
            trials.tell(taken, 0.5, about={})
        best = best_of(trials.ended())
    assert best is not None
    assert best.number == 0


def test_what_was_read_of_the_test_split_is_kept(storage):
    with opened(storage) as trials:
        assert trials.tested == []
        trials.keep_test(3, {"mAP": 0.5})
    with opened(storage) as trials:
        assert trials.tested == [{"trial": 3, "metrics": {"mAP": 0.5}}]


def test_a_study_of_a_newer_version_is_refused(storage):
    with opened(storage) as trials:
        trials.study.set_user_attr("format", FORMAT + 1)
    with pytest.raises(ValueError, match=r"the study a has format [0-9]+, made by a newer lopsided"):
        opened(storage)
