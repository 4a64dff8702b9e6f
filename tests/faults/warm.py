"""A process with everything imported, which forks a child for each command line: it starts in milliseconds, and is
killed, starved or cut off like any other.

Reads a job as a line of JSON, answers with the child's number and, at its end, with its exit code.
"""

import atexit
import gc
import importlib
import json
import os
import resource
import signal
import sys
import time

_MODULES = (
    *(f"lopsided.cli.{verb}" for verb in ("audit", "evaluate", "predict", "sweep", "train")),
    *(f"lopsided.training.{name}" for name in ("evaluate", "export", "fit", "predict")),
    *("lopsided.experiments.sweep", "lopsided.reports.audit.page", "lopsided.reports.sweeps.page"),
    *("alembic.command", "sqlalchemy.dialects.sqlite", "torch.utils.tensorboard"),
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg"),
)
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")


def import_everything():
    for name in _MODULES:
        importlib.import_module(name)
    gc.freeze()  # or each child would copy all of it when it counts what is still used


def job_of_child():
    """The job of this process, in each child; None in the parent, at the end."""
    for line in iter(sys.stdin.readline, ""):
        job = json.loads(line)
        child = os.fork()
        if not child:
            return job
        print(child, flush=True)
        print(code_of(child, job), flush=True)
    return None


def code_of(child, job):
    """Wait for its end, and send it a signal if its job says so: so many seconds after its start."""
    if job.get("after") is not None:
        ends = time.monotonic() + job["after"]
        while time.monotonic() < ends:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.001)
        (os.killpg if job.get("group") else os.kill)(child, job["signal"])
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def prepare(job):
    """What the child is to suffer."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores it
    os.chdir(job["cwd"])
    for number, name in enumerate(("/dev/null", job["stdout"], job["stderr"])):
        redirect(number, name)
    if job.get("largest_file"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"],) * 2)
    if job.get("operations_to") or job.get("at"):
        watch(job)


def redirect(number, name):
    """A standard stream to a file, or to a pipe that nobody reads."""
    if name == "unread":
        end, file = os.pipe()
        os.close(end)
    else:
        file = os.open(name, os.O_RDWR | os.O_CREAT if number else os.O_RDONLY)
    os.dup2(file, number)
    os.close(file)


def watch(job):
    """Count what changes names in a folder and what opens files there for writing; end before the one that is said."""
    folder, count = job["folder"], 0

    def hook(event, arguments):
        nonlocal count
        opens = event == "open" and is_for_writing(*arguments[1:3])
        if (opens or event in _CHANGES) and str(arguments[0]).startswith(folder):
            count += 1
            if job.get("operations_to"):
                os.pwrite(counter, str(count).encode(), 0)
            if count == job.get("at"):
                os.kill(os.getpid(), signal.SIGKILL)

    counter = os.open(job["operations_to"], os.O_WRONLY | os.O_CREAT) if job.get("operations_to") else -1
    sys.addaudithook(hook)


def is_for_writing(mode, flags):
    return any(letter in mode for letter in "wax+") if mode else bool(flags & (os.O_WRONLY | os.O_RDWR))


if __name__ == "__main__":
    import_everything()
    print("ready", flush=True)
    mine = job_of_child()
    if mine is not None:
        prepare(mine)
        from lopsided.cli.main import main

        sys.argv = ["lopsided", *mine["words"]]
        code = main()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)  # without taking apart every module, which takes a second
