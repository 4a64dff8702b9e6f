"""Cut a verb short again and again, look at what lies there, and compare its end with that of one left alone."""

import random
import shutil

from tests.faults.files import assert_whole, contents, parts

CUTS_OF_A_RUN = 3


def cut_until(start, line, alone, folder, *, wanted, fault, check):
    """Cut a verb short so many times, in runs that go on up to three times, each in a folder of its own.

    Args:
        start: Starts a command line.
        line: Its words, by the folder that it writes to.
        alone: What it comes to if nothing happens.
        folder: Where it writes, made anew for each run.
        wanted: Number of cuts.
        fault: What the verb suffers, by a source of random numbers and what it comes to if nothing happens.
        check: Called with what became of each start that was cut short, and its folder.

    Returns:
        The number of runs that ended otherwise than one that was left alone.
    """
    random_, cuts, runs, different = random.Random(line.verb), 0, 0, 0
    while cuts < wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for _ in range(min(CUTS_OF_A_RUN, wanted - cuts)):
            ended = start(line(folder), folder=str(folder), **fault(random_, alone))
            assert_whole(folder)
            if ended.code == 0:  # it was faster
                break
            check(ended, folder)
            cuts += 1
        assert start(line(folder)).code == 0
        assert_whole(folder)
        assert not parts(folder)
        found = contents(folder)
        assert found.keys() == alone.contents.keys()
        different += found != alone.contents
        runs += 1
    print(f"{line.verb}: cut short {cuts} times in {runs} runs, of which {different} ended otherwise")
    return different
