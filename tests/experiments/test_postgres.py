"""Many workers with one study on a real PostgreSQL server, which the tests start."""

from contextlib import closing

import pytest

from lopsided.experiments.claims import PostgresClaims
from tests.experiments.test_sweep import rows_in
from tests.experiments.tuning.test_tune import trials_in
from tests.experiments.workers import numbers_of_two, start_search, start_sweep, units_until

pytest.importorskip("psycopg")


@pytest.fixture
def two_sessions(postgres):
    with closing(PostgresClaims(postgres)) as first, closing(PostgresClaims(postgres)) as second:
        yield first, second


def test_a_claim_ends_with_the_session_that_holds_it(two_sessions):
    first, second = two_sessions
    with first.claim("unit") as mine:
        assert mine
        with second.claim("unit") as other:
            assert not other
        (worker,) = first.session.execute("SELECT pg_backend_pid()").fetchone()
        second.session.execute("SELECT pg_terminate_backend(%s, 5000)", (worker,))
        with second.claim("unit") as taken_over:
            assert taken_over
        with pytest.raises(ValueError, match="the connection to the storage broke, and the claim with it"):
            first.check()


def test_a_claim_is_free_after_its_block(two_sessions):
    first, second = two_sessions
    with first.wait("write"), second.claim("write") as other:
        assert not other
    with second.claim("write") as mine, first.claim("another") as other:
        assert mine
        assert other


@pytest.mark.slow
def test_two_workers_share_a_study_and_one_is_killed(tmp_path, source, postgres):
    import optuna

    start_sweep(source, tmp_path / "alone").communicate()
    workers = [start_sweep(source, tmp_path / name, f"--storage={postgres}") for name in ("one", "two")]
    done = units_until(workers[0], 2)
    workers[0].kill()  # in the middle of its third unit, or between two
    done += [line.strip() for line in workers[0].communicate()[1].splitlines() if "runs," in line]
    others = units_until(workers[1], 100)
    workers[1].communicate()
    assert workers[1].returncode == 0
    names = [line.rpartition(": ")[0] for line in done + others]
    assert others
    assert len(names) == len(set(names))  # nothing twice
    assert rows_in(tmp_path / "two") == rows_in(tmp_path / "alone")  # nothing lost
    storage = optuna.storages.RDBStorage(postgres.replace("://", "+psycopg://", 1))
    (name,) = optuna.get_all_study_names(storage)
    trials = optuna.load_study(study_name=name, storage=storage).trials
    storage.engine.dispose()
    assert len(trials) == 3 * 4 * 2 + 3 * 4
    assert [trial.number for trial in trials] == list(range(len(trials)))


@pytest.mark.slow
def test_two_workers_share_a_search_and_one_is_killed(tmp_path, source, postgres):
    workers = [start_search(source, tmp_path / name, "--trials=24", f"--storage={postgres}") for name in ("one", "two")]
    first, others = numbers_of_two(workers)
    lines = trials_in(tmp_path / "two")
    assert len(lines) == 24
    assert others
    assert sorted(first + others) == [int(line["trial"]) for line in lines]
