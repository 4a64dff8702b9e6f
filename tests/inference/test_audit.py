import csv
import dataclasses

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import Labels, Table, hide_positives
from lopsided.inference.audit import audit, write_counts, write_suspects
from lopsided.inference.cross_fit import OutOfSample, fold_rows, out_of_sample
from lopsided.inference.evaluations.trust import banner
from lopsided.training import Config, LossOptions, RunFolder, TrainingOptions
from lopsided.training.fit import fit
from lopsided.training.loop.task import MultiLabelTask

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.fixture(scope="module")
def hidden():
    """600 training samples whose labels their features tell, 30 % of the positives hidden."""
    draw = np.random.default_rng(0)
    features = draw.normal(size=(900, 6)).astype(np.float32)
    truth = Labels(("a", "b", "c"), csr_array(features[:, :3] > 0.9))
    splits = np.array(["train"] * 600 + ["val"] * 150 + ["test"] * 150)
    labels = hide_positives(truth, range(600), share=0.3, seed=0)
    return Table("made", features, labels, splits, truth=truth)


@pytest.fixture(scope="module")
def run(hidden, tmp_path_factory):
    config = Config(
        source="table:made.csv",
        loss=LossOptions(name="adaptive"),
        training=TrainingOptions(epochs=8, batch_size=32, learning_rate=1e-2, accelerator="cpu"),
    )
    return fit(config, tmp_path_factory.mktemp("audit") / "run", data=hidden)


def test_cross_fitted_scores_find_hidden_labels_and_about_their_number(run, hidden):
    scores = out_of_sample(run, hidden, folds=3, splits=("train",))
    assert scores.rows.tolist() == list(range(600))
    is_hidden = hidden.truth.dense(range(600))[0] & ~hidden.labels.dense(range(600))[0]
    found = audit(scores, most=50)
    hits = [is_hidden[s.row, s.label] for s in found.suspects if s.kind == "missing"]
    assert np.mean(hits) > 0.8
    assert 0.5 * is_hidden.sum() < found.missing.sum() < 2 * is_hidden.sum()
    assert found.wrong.sum() < 0.1 * found.noted.sum()


def test_a_fold_never_scores_what_it_was_trained_on_and_is_not_trained_twice(run, hidden):
    told = []
    first = out_of_sample(run, hidden, folds=3, splits=("train",), on_fold=told.append)
    times = {path: path.stat().st_mtime_ns for path in run.path.glob("audit/*/checkpoints/*")}
    again = out_of_sample(run, hidden, folds=3, splits=("train",))
    assert told == [1, 2, 3]
    assert torch.equal(first.probabilities, again.probabilities)
    assert times == {path: path.stat().st_mtime_ns for path in run.path.glob("audit/*/checkpoints/*")}
    other = dataclasses.replace(hidden, labels=hidden.truth)  # other labels: other networks
    assert not torch.equal(out_of_sample(run, other, folds=3, splits=("train",)).probabilities, first.probabilities)


def test_folds_are_trained_again_once_any_feature_changed_or_the_run_was_trained_otherwise(run, hidden):
    def times():
        return {path: path.stat().st_mtime_ns for path in run.path.glob("audit/*/checkpoints/best.ckpt")}

    out_of_sample(run, hidden, folds=2, splits=("train",))
    before = times()
    features = hidden.features.copy()
    features[0, 0] += 1
    out_of_sample(run, dataclasses.replace(hidden, features=features), folds=2, splits=("train",))
    changed = times()
    assert all(changed[path] > before[path] for path in before if "of-2" in str(path))
    text = run.config_file.read_text()
    run.config_file.write_text(text.replace("seed: 0", "seed: 1"))
    try:
        out_of_sample(run, hidden, folds=2, splits=("train",))
    finally:
        run.config_file.write_text(text)
    assert all(when > changed[path] for path, when in times().items() if "of-2" in str(path))


def test_folds_share_no_content_and_miss_no_sample(hidden):
    twice = hidden.features.copy()
    twice[300:600] = twice[:300]
    parts = fold_rows(dataclasses.replace(hidden, features=twice), folds=4, seed=0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(600))
    assert all(set(part % 300) == set(part[part < 300]) for part in parts)
    assert max(map(len, parts)) - min(map(len, parts)) <= 2
    with pytest.raises(
        ValueError, match="expected folds to lie in 2 to 600, the number of different training samples, got 1"
    ):
        fold_rows(hidden, folds=1, seed=0)


def test_without_folds_everything_but_the_training_samples_is_looked_at(run, hidden):
    scores = out_of_sample(run, hidden)
    assert scores.rows.tolist() == list(range(600, 900))
    alone = dataclasses.replace(hidden, splits=np.full(900, "train"))
    with pytest.raises(ValueError, match="got a train split alone: add --folds 3"):
        out_of_sample(run, alone)
    assert out_of_sample(run, hidden, folds=3).rows.tolist() == list(range(900))


def made(p, noted, known=None):
    p = torch.tensor(p)
    known = torch.ones(p.shape, dtype=torch.bool) if known is None else torch.tensor(known)
    return OutOfSample(np.arange(len(p)) + 10, p, torch.logit(p), torch.tensor(noted, dtype=torch.bool), known, [])


def test_the_most_doubtful_come_first_within_each_kind():
    draw = np.random.default_rng(0)
    noted = draw.random((300, 4)) < 0.3
    p = np.clip(0.7 * noted + 0.3 * draw.random((300, 4)), 0.001, 0.999)
    p[5, 2], p[6, 1] = (0.998, 0.997)
    noted[5, 2] = noted[6, 1] = False
    p[7, 0], noted[7, 0] = 0.002, True
    suspects = audit(made(p, noted), most=100).suspects
    missing, wrong = ([s for s in suspects if s.kind == kind] for kind in ("missing", "wrong"))
    assert [(s.row, s.label) for s in missing[:2]] == [(15, 2), (16, 1)]
    assert (wrong[0].row, wrong[0].label, wrong[0].probability) == (17, 0, pytest.approx(0.002))
    assert [s.probability for s in missing] == sorted((s.probability for s in missing), reverse=True)


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_numbers_are_those_of_errors_made_at_random(share):
    draw = np.random.default_rng(1)
    truth = draw.random((40_000, 5)) < [0.02, 0.05, 0.1, 0.2, 0.3]
    noted = truth & (draw.random(truth.shape) >= share) | (draw.random(truth.shape) < 0.01)
    p = np.clip(np.where(truth, 0.8, 0.05) + 0.1 * draw.normal(size=truth.shape), 0.001, 0.999)
    found = audit(made(p, noted), most=1)
    assert found.missing.sum() == pytest.approx((truth & ~noted).sum(), rel=0.15)
    assert found.wrong.sum() == pytest.approx((noted & ~truth).sum(), rel=0.15)
    assert np.corrcoef(found.missing, (truth & ~noted).sum(axis=0))[0, 1] > 0.9


def test_the_numbers_of_labels_are_in_proportion_to_the_sum_of_their_doubts():
    draw = np.random.default_rng(1)
    truth = draw.random((5_000, 3)) < [0.2, 0.3, 0.4]
    noted = truth ^ (draw.random(truth.shape) < [0.05, 0.02, 0.01])
    p = np.clip(np.where(truth, [0.9, 0.8, 0.7], 0.1) + 0.1 * draw.normal(size=truth.shape), 0.01, 0.99)
    found = audit(made(p, noted), most=1)
    for numbers, doubts in ((found.missing, p * ~noted), (found.wrong, (1 - p) * noted)):
        assert numbers.sum() > 0
        np.testing.assert_allclose(numbers / numbers.sum(), doubts.sum(axis=0) / doubts.sum(), rtol=1e-6)


def test_unknown_labels_are_no_suspects_and_count_for_nothing():
    draw = np.random.default_rng(0)
    noted, known = draw.random((200, 3)) < 0.3, draw.random((200, 3)) < 0.7
    p = np.clip(0.6 * noted + 0.4 * draw.random((200, 3)), 0.01, 0.99)
    found = audit(made(p, noted & known, known), most=10_000)
    assert len(found.suspects) == known.sum()
    assert all(known[s.row - 10, s.label] for s in found.suspects)
    turned = audit(made(np.where(known, p, 0.999), np.where(known, noted, False), known), most=10_000)
    assert turned.suspects == found.suspects
    assert turned.missing.tolist() == found.missing.tolist()


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def drawn(num_samples, distance, seed=0):
    """The truth of six labels, rare to frequent, and scores that tell it by a distance in standard deviations."""
    draw = np.random.default_rng(seed)
    truth = draw.random((num_samples, 6)) < [0.05, 0.08, 0.1, 0.2, 0.3, 0.5]
    return truth, sigmoid(distance * (truth - 0.5) + draw.normal(size=truth.shape)), draw


def test_errors_in_labels_that_a_good_network_knows_are_counted_and_listed():
    truth, p, draw = drawn(20_000, 7)
    noted = truth ^ (draw.random(truth.shape) < 0.02)
    found = audit(made(p, noted), most=300)
    assert found.trust.warnings == ()
    assert found.trust.removable.all()
    assert found.trust.separation > 0.97
    assert found.missing.sum() == pytest.approx((truth & ~noted).sum(), rel=0.2)
    assert found.wrong.sum() == pytest.approx((noted & ~truth).sum(), rel=0.2)
    removals = [s for s in found.suspects if s.kind == "wrong"]
    assert len(removals) > 100
    assert np.mean([not truth[s.row - 10, s.label] for s in removals]) > 0.9


@pytest.mark.parametrize("distance", [0, 0.5, 1, 1.5])
@pytest.mark.parametrize("num_samples", [60, 500, 5_000])
def test_networks_that_separate_badly_get_a_banner_and_call_nothing_wrong(num_samples, distance):
    truth, p, _ = drawn(num_samples, distance)
    found = audit(made(p, truth), most=500)  # every label is right
    assert found.trust.warnings[0].startswith("Of a sample with a label and one without, the networks give the first")
    assert banner(found.trust)[0].startswith("These networks are no judge of the labels")
    assert not found.trust.removable.any()
    assert {s.kind for s in found.suspects} == {"missing"}


@pytest.mark.parametrize("distance", [0, 1, 5])
def test_no_estimate_exceeds_what_is_noted(distance):
    truth, p, draw = drawn(2_000, distance)
    for noted in (truth, truth & (draw.random(truth.shape) < 0.3), draw.random(truth.shape) < 0.01):
        found = audit(made(p, noted), most=1)
        assert (found.wrong <= found.noted).all()
        assert (found.missing <= found.noted).all()
        assert (found.missing <= 2_000 - found.noted).all()


def test_networks_that_miss_half_of_what_is_noted_are_not_believed_however_well_they_order_the_rest():
    truth, p, draw = drawn(5_000, 6)
    unseen = truth & (draw.random(truth.shape) < 0.5)
    p[unseen] = sigmoid(draw.normal(size=unseen.sum()) - 3)  # such as objects too small for the network
    found = audit(made(p, truth), most=500)
    assert any("of the noted labels look wrong to the networks" in text for text in found.trust.warnings)
    assert {s.kind for s in found.suspects} == {"missing"}


def test_few_labels_are_not_estimated_from():
    truth, p, _ = drawn(20, 5)
    found = audit(made(p, truth), most=50)
    assert found.trust.warnings == (
        f"{truth.sum()} labels are noted and {(~truth).sum()} are not: estimates need at least 50 of each.",
    )
    assert {s.kind for s in found.suspects} == {"missing"}


def test_labels_that_are_noted_everywhere_or_nowhere_are_no_ground_to_judge_by():
    noted = np.column_stack([np.ones(60, bool), np.zeros(60, bool)])
    found = audit(made(np.column_stack([np.full(60, 0.9), np.full(60, 0.1)]), noted), most=5)
    assert found.trust.warnings[0].startswith("No label is noted for some samples and not for others")
    assert "nan" not in " ".join(found.trust.warnings)
    assert not found.trust.removable.any()


def test_a_label_that_the_networks_do_not_see_is_spared_while_the_others_are_judged():
    truth, p, draw = drawn(5_000, 5)
    p[:, 2] = sigmoid(draw.normal(size=5_000) - 2)  # nothing to do with the label
    rare, always, never = np.zeros(5_000, bool), np.ones(5_000, bool), np.zeros(5_000, bool)
    rare[:9] = True
    noted = np.column_stack([truth, rare, always, never])
    p = np.column_stack([p, np.where(rare, 0.3, 0.01), np.full(5_000, 0.98), np.full(5_000, 0.02)])
    found = audit(made(p, noted), most=2_000)
    assert found.trust.warnings == ()
    assert found.trust.removable.tolist() == [True, True, False, True, True, True, False, False, False]
    assert not {2, 6, 7} & {s.label for s in found.suspects if s.kind == "wrong"}
    assert (found.missing[7], found.missing[8], found.wrong[8]) == (0, 0, 0)


def test_nothing_noted_or_nothing_known_is_no_trouble():
    for known in (True, False):
        found = audit(made(np.full((4, 2), 0.5), np.zeros((4, 2)), np.full((4, 2), known)), most=5)
        assert found.missing.sum() == found.wrong.sum() == 0
        assert len(found.suspects) == (5 if known else 0)
    with pytest.raises(ValueError, match="expected most to be at least 1, got 0"):
        audit(made([[0.5]], [[0]]), most=0)


def test_the_lists_hold_what_a_decision_needs(tmp_path, run, hidden):
    found = audit(out_of_sample(run, hidden), most=20)
    write_suspects(found, hidden, tmp_path / "s.csv")
    write_counts(found, hidden, tmp_path / "c.csv")
    rows = list(csv.DictReader((tmp_path / "s.csv").read_text().splitlines()))
    assert len(rows) == 20
    first = found.suspects[0]
    assert rows[0]["sample"] == f"row {first.row}"
    assert (int(rows[0]["row"]), rows[0]["label"], rows[0]["kind"]) == (first.row, "abc"[first.label], first.kind)
    assert {row["split"] for row in rows} <= {"val", "test"}
    counts = list(csv.DictReader((tmp_path / "c.csv").read_text().splitlines()))
    assert [row["label"] for row in counts] == ["a", "b", "c"]
    assert all(float(row["missing"]) <= int(row["noted"]) for row in counts)
    scores = out_of_sample(run, hidden)
    blind = dataclasses.replace(scores, probabilities=scores.probabilities.flip(0))
    write_counts(audit(blind, most=1), hidden, tmp_path / "c.csv")
    counts = list(csv.DictReader((tmp_path / "c.csv").read_text().splitlines()))
    assert {(row["missing"], row["wrong"]) for row in counts} == {("", "")}


def test_what_is_written_under_unknown_labels_is_not_noted():
    draw = np.random.default_rng(0)
    noted, known = draw.random((200, 3)) < 0.3, draw.random((200, 3)) < 0.7
    p = np.clip(draw.random((200, 3)), 0.01, 0.99)
    negatives, positives = (audit(made(p, written, known), most=50) for written in (noted & known, noted | ~known))
    assert positives.suspects == negatives.suspects
    assert positives.noted.tolist() == negatives.noted.tolist() == (noted & known).sum(axis=0).tolist()
    assert positives.missing.tolist() == negatives.missing.tolist()
    assert positives.wrong.tolist() == negatives.wrong.tolist()


def test_each_part_is_scored_by_the_network_that_was_trained_on_all_the_others(tmp_path, run, hidden, monkeypatch):
    trained, step = [], MultiLabelTask.training_step

    def recorded(self, batch):
        trained[-1].update(batch["rows"].tolist())
        return step(self, batch)

    monkeypatch.setattr(MultiLabelTask, "training_step", recorded)
    training = dataclasses.replace(run.config().training, epochs=2)
    with monkeypatch.context() as plain:
        plain.setattr(MultiLabelTask, "training_step", step)
        mine = fit(dataclasses.replace(run.config(), training=training, seed=5), tmp_path / "run", data=hidden)
    scores = out_of_sample(mine, hidden, folds=3, on_fold=lambda _: trained.append(set()))
    parts = fold_rows(hidden, folds=3, seed=5)
    assert len(trained) == 3
    for number, (rows, part) in enumerate(zip(trained, parts, strict=True), start=1):
        assert rows == set(range(600)) - set(part.tolist())
        network = RunFolder(mine.path / "audit" / f"fold-{number}-of-3").load()
        logits = network.model(torch.from_numpy(hidden.features[part])).detach()
        torch.testing.assert_close(scores.logits[part], logits)
        torch.testing.assert_close(scores.probabilities[part], network.calibrator(logits))
    own = mine.load()
    torch.testing.assert_close(scores.logits[600:], own.model(torch.from_numpy(hidden.features[600:])).detach())
    targets = hidden.labels.dense(range(900))[0]
    assert scores.targets.tolist() == targets.tolist()
    assert scores.known.all()


def test_folds_differ_by_their_seed_and_are_of_the_training_samples_alone(hidden):
    one, same, other = (fold_rows(hidden, folds=3, seed=seed) for seed in (1, 1, 2))
    assert [part.tolist() for part in one] == [part.tolist() for part in same]
    assert [part.tolist() for part in one] != [part.tolist() for part in other]
    assert len(fold_rows(hidden, folds=600, seed=0)) == 600
    with pytest.raises(ValueError, match="expected folds to lie in 2 to 600, .* got 601"):
        fold_rows(hidden, folds=601, seed=0)


def test_as_many_suspects_come_as_were_asked_for_mixed_in_proportion_to_their_numbers():
    """Twice as many missing labels as wrong ones."""
    draw = np.random.default_rng(0)
    truth = draw.random((3000, 2)) < 0.4
    noted = truth & (draw.random(truth.shape) >= 0.2) | ~truth & (draw.random(truth.shape) < 0.05)
    p = np.clip(np.where(truth, 0.9, 0.1) + 0.02 * draw.normal(size=truth.shape), 0.001, 0.999)
    found = audit(made(p, noted), most=300)
    assert len(found.suspects) == 300
    missing = sum(suspect.kind == "missing" for suspect in found.suspects)
    share = found.missing.sum() / (found.missing.sum() + found.wrong.sum())
    assert missing / 300 == pytest.approx(share, abs=0.01)
    assert len(audit(made(p, noted), most=1).suspects) == 1


def test_lists_have_lines_that_end_alike_everywhere(tmp_path, hidden):
    found = audit(made([[0.9, 0.1, 0.5]] * 4, [[0, 1, 0]] * 4), most=12)
    write_suspects(found, hidden, tmp_path / "s.csv")
    write_counts(found, hidden, tmp_path / "c.csv")
    assert found.suspects
    for name, lines in (("s.csv", 1 + len(found.suspects)), ("c.csv", 4)):
        content = (tmp_path / name).read_bytes()
        assert content.count(b"\n") == lines
        assert b"\r" not in content


def test_folds_keep_groups_together_and_each_label_in_its_share(hidden):
    groups = np.arange(900) // 3
    parts = fold_rows(dataclasses.replace(hidden, groups=groups), folds=4, seed=0)
    assert sum(len(set(groups[part].tolist())) for part in parts) == 200
    of_folds = np.stack([hidden.labels.take(part).positives_per_label() for part in parts])
    frequent = of_folds.sum(axis=0) >= 40
    assert frequent.any()
    assert np.ptp(of_folds[:, frequent], axis=0).max() <= 6
    with pytest.raises(ValueError, match="expected folds to lie in 2 to 200, the number of groups of .* got 201"):
        fold_rows(dataclasses.replace(hidden, groups=groups), folds=201, seed=0)
