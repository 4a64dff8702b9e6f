"""How a benchmark measures and what it writes down: time, memory, and where they were taken."""

from __future__ import annotations

import csv
import datetime
import importlib.metadata
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch.profiler import ProfilerActivity, profile

RESULTS = Path(__file__).parent / "results"


class Spread(NamedTuple):
    median: float
    lowest: float
    highest: float


def spread(values: list[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
"""CPU time, with one thread, is for machines that other work keeps busy."""


def seconds(run: Callable[[], object], calls: int, device: str, clock: str = "wall") -> float:
    """Mean time of a call, the device's queue empty before and after."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    wait()
    started = CLOCKS[clock]()
    for _ in range(calls):
        run()
    wait()
    return (CLOCKS[clock]() - started) / calls


def allocated(run: Callable[[], object], device: str) -> tuple[int, int]:
    """Bytes that a call takes from torch's allocator at most, and bytes still held when it returns."""
    if device == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        result = run()
        peak, held = torch.cuda.max_memory_allocated() - before, torch.cuda.memory_allocated() - before
        del result
        return peak, held
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        result = run()
    assert profiler.profiler is not None
    assert profiler.profiler.kineto_results is not None
    events = profiler.profiler.kineto_results.events()
    steps = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    held = peak = 0
    for _, size in steps:
        held += size
        peak = max(peak, held)
    del result
    return peak, held


def environment(device: str, packages: tuple[str, ...]) -> dict[str, str]:
    """What has to be known to compare a line with another one."""
    name = torch.cuda.get_device_name() if device == "cuda" else _processor()
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M"),
        "commit": commit.stdout.strip(),
        "device": name,
        "capability": torch.backends.cpu.get_cpu_capability() if device == "cpu" else "",
        "threads": str(torch.get_num_threads()),
        "versions": " ".join(f"{package} {importlib.metadata.version(package)}" for package in packages),
    }


def append(name: str, rows: list[dict[str, str]]) -> Path:
    """Add rows to ``results/NAME.csv``; columns are those of the first row ever written."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.csv"
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        if new:
            writer.writeheader()
        writer.writerows(rows)
    return path


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
