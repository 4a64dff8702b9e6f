import re

from lopsided.training.loop.log.progress import Progress


def test_without_a_terminal_each_epoch_leaves_a_line(capsys):
    latest = {"loss": 1.23456, "learning_rate": 0.1}
    with Progress(latest, epochs=12, batches=2, shows=True) as progress:
        progress.begin(0)
        for _ in range(2):
            progress.step(16)
        progress.trained()
        latest["val_mAP"] = 0.5
        progress.end(0)
    line = r"  epoch   1/12  loss 1\.235  val_mAP 0\.500  [\d,]+ samples/s, 0% waiting for data  0 s\n"
    assert re.fullmatch(line, capsys.readouterr().err)


def test_on_a_terminal_a_bar_moves_and_the_lines_stay(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Progress({"loss": 2.0}, epochs=3, batches=2, shows=True) as progress:
        for epoch in range(2):
            progress.begin(epoch)
            progress.step(16)
            progress.step(16)
            assert progress.bar.n == 2
            progress.trained()
            progress.end(epoch)
    said = capsys.readouterr().err
    assert "epoch 1/3" in said
    assert len(re.findall(r"  epoch   [12]/3  loss 2\.000", said)) == 2


def test_the_line_says_how_long_batches_were_waited_for(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("lopsided.training.loop.log.progress.time.perf_counter", lambda: now[0])
    monkeypatch.setattr("lopsided.training.loop.log.progress.time.monotonic", lambda: now[0])

    def slow_batches():
        for _ in range(3):
            now[0] += 1.0  # second, until the batch is there
            yield 16

    with Progress({"loss": 2.0}, epochs=1, batches=3, shows=True) as progress:
        progress.begin(0)
        for batch in progress.timed(slow_batches()):
            now[0] += 3.0  # of the step
            progress.step(batch)
        progress.trained()
        progress.end(0)
    assert "4 samples/s, 25% waiting for data  12 s" in capsys.readouterr().err


def test_other_processes_print_nothing(capsys):
    with Progress({"loss": 2.0}, epochs=3, batches=2, shows=False) as progress:
        progress.begin(0)
        progress.step(16)
        progress.trained()
        progress.end(0)
    assert capsys.readouterr() == ("", "")
