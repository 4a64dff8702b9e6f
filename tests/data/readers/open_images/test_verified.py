import numpy as np
import pytest

from lopsided.data.readers.open_images import verified as module
from lopsided.data.readers.open_images.verified import read_verified


@pytest.mark.parametrize("block", [1 << 20, 100])
def test_entries_are_those_of_the_wanted_images_and_classes_whatever_the_block(tmp_path, monkeypatch, block):
    monkeypatch.setattr(module, "_BLOCK", block)
    random = np.random.default_rng(0)
    ids, mids = [0, 1, 2**63, 2**64 - 1, 0x0123456789ABCDEF], ["/m/a", "/m/b", "/m/c"]
    entries = [(ids[random.integers(5)], mids[random.integers(3)], int(random.integers(2))) for _ in range(60)]
    path = tmp_path / "labels.csv"
    rows = "".join(f"{image:016x},x,{mid},{flag}\n" for image, mid, flag in entries)
    path.write_text("ImageID,Source,LabelName,Confidence\n" + rows)
    images = np.array([0, 0x0123456789ABCDEF, 2**64 - 1], dtype=np.uint64)
    found = read_verified(path, mids=("/m/c", "/m/a"), images=images)
    wanted = [
        (images.tolist().index(image), ("/m/c", "/m/a").index(mid), flag)
        for image, mid, flag in entries
        if image in images.tolist() and mid != "/m/b"
    ]
    assert list(zip(*map(np.ndarray.tolist, (found.rows, found.columns, found.positive)), strict=True)) == wanted
    assert (found.rows.dtype, found.columns.dtype, found.positive.dtype) == (np.int32, np.int32, bool)
