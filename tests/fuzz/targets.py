"""What is fuzzed: the readers of files from strangers, each with small valid files and words to put in."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lopsided.data import DataError, Manifest, read_arff, read_coco, read_listing, read_table, read_voc
from lopsided.data.readers.nus_wide.reader import read_nus_wide
from lopsided.data.readers.open_images.reader import read_open_images
from tests.data.readers.coco.coco_files import instances
from tests.data.readers.voc.voc_files import annotation


@dataclass(frozen=True)
class Target:
    """A reader, and the one file of its data set that is fuzzed."""

    file: str
    read: Callable[[Path], object]  # of the folder
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    others: dict[str, bytes] = field(default_factory=dict)  # what else lies in the folder
    wrap: Callable[[bytes], bytes] = bytes  # from fuzzed bytes to those of the file


def _json(content: object) -> bytes:
    import json

    return json.dumps(content).encode()


def _parquet(**columns: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _with_labels(features: bytes) -> bytes:
    """An archive in which these bytes are the array of features: their checksum is right, so that they are parsed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("features.npy", features)
        archive.writestr("labels.npy", _npy(np.eye(2)))
    return buffer.getvalue()


_ARFF = b"""@relation 'pets: -C 2'
% comment
@attribute size numeric
@attribute 'fur colour' {red, "dark blue", it\\'s}
@attribute note string
@attribute cat {0,1}
@attribute dog {no,yes}
@data
1.5,red,'a b',1,no
2,"dark blue",?,?,yes
"""
_SPARSE = (
    b"@relation p\n@attribute size numeric\n@attribute cat {0,1}\n@attribute dog {0,1}\n@data\n{0 1.5, 1 1}\n{2 1}\n"
)
_ARFF_WITH_XML = _ARFF.replace(b": -C 2", b"")  # whose own word on the labels would stand against the XML's
_MULAN = b'<?xml version="1.0"?>\n<labels xmlns="http://mulan.sourceforge.net/labels"><label name="cat">' + (
    b'<label name="dog"></label></label></labels>\n'
)
NUMBERS = (b"1e999", b"nan", b"-0", b"9" * 20, b"9" * 5000, b"-1", b"0x1", b"1_0")
PATHS = (b"../", b"..\\", b"/", b"C:", b"\\\\", b"\0", b".")
TEXTS = (b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xa8", b'"', b"'", b"|", b"\t", b"\r\n", b"\x1b[2J")
XML = (
    b"<!DOCTYPE",
    b"<!ENTITY",
    b"&x;",
    b"&#0;",
    b"&lt;",
    b"<![CDATA[",
    b"]]>",
    b"<?",
    b'encoding="utf-7"',
    b"xmlns:",
)
JSON = (b"[[[[", b"{", b'":', b"null", b"true", b"NaN", b"Infinity", b'"\\ud800"', b"1e999", b"9" * 5000)
_LISTING = b"path,labels,split,unknown\na.jpg,cat|dog,train,\nb/c.jpg,,val,dog\n"
_FLAGS = b"filename,width,label:cat,label:dog\na.jpg,3,1,\nb/c.jpg,4,0,?\n"
_IMAGES = {"a.jpg": b"", "b/c.jpg": b""}
_COCO = instances({"a.jpg": [3, 3], "b/c.jpg": [90]})
_NUS = {
    **{"ImageList/TrainImagelist.txt": b"b\\c.jpg\n", "ImageList/TestImagelist.txt": b"b\\d.jpg\n"},
    **{"Concepts81.txt": b"sky\n", "Labels_sky_Test.txt": b"0\n"},
    **{"Flickr/b/c.jpg": b"", "Flickr/b/d.jpg": b""},
}
_OPEN = {
    "oidv6-class-descriptions.csv": b"LabelName,DisplayName\n/m/1,Cat\n/m/2,Dog\n",
    "oidv6-classes-trainable.txt": b"/m/1\n/m/2\n",
    "test/00000000000000fe.jpg": b"",
}
_VOC = {"ImageSets/Main/train.txt": b"a\n", "JPEGImages/a.jpg": b"", "Annotations/a.xml": annotation(["dog"]).encode()}

TARGETS = {
    "arff": Target(
        "x.arff",
        lambda folder: read_arff(folder / "x"),
        (_ARFF, _SPARSE, _ARFF.replace(b"\n", b"\r")),
        (*NUMBERS, *TEXTS, b"@attribute ", b"@data", b"{0 1}", b"{", b"}", b"%", b"?", b"numeric", b"cat", b"\\"),
        {"x.xml": _MULAN},
    ),
    "mulan-xml": Target(
        "x.xml",
        lambda folder: read_arff(folder / "x"),
        (_MULAN, _MULAN.decode().encode("utf-16")),
        (*XML, *TEXTS, b"<label", b"name="),
        {"x.arff": _ARFF_WITH_XML},
    ),
    "voc-xml": Target(
        "Annotations/a.xml",
        lambda folder: read_voc(folder),
        (annotation(["dog", "cat?"]).encode(), annotation(["dog"]).encode("utf-16")),
        (*XML, *TEXTS, b"<annotation>", b"<object>", b"</object>", b"<name>", b"<difficult>1</difficult>", *PATHS),
        _VOC,
    ),
    "voc-list": Target(
        "ImageSets/Main/train.txt",
        lambda folder: read_voc(folder),
        (b"a\n", b"\xef\xbb\xbfa\r\n a \r\n"),
        (*PATHS, *TEXTS, b"a\n"),
        _VOC,
    ),
    "coco": Target(
        "annotations/instances_train2017.json",
        lambda folder: (read_coco(folder), read_coco(folder, crowd=False, min_area=10)),
        (_json(_COCO), _json({**_COCO, "info": None})),
        (*JSON, *PATHS, b"images", b"annotations", b"categories", b"id", b"image_id", b"file_name", b"bbox", b"area"),
        {f"train2017/{name}": content for name, content in _IMAGES.items()},
    ),
    "table-csv": Target(
        "t.csv",
        lambda folder: read_table(folder / "t.csv"),
        (b"size,labels,split\n1.5,cat|dog,train\n2,,test\n", b"a,b,label:cat,unknown\n1,2,1,\n3,4,,cat\n"),
        (*NUMBERS, *TEXTS, b"labels", b"label:", b"unknown", b"split", b",,", b"?"),
    ),
    "listing-csv": Target(
        "l.csv",
        lambda folder: read_listing(folder / "l.csv"),
        (_LISTING, _FLAGS),
        (*PATHS, *TEXTS, b"label:", b"file_name", b"tags", b",,", b"?"),
        _IMAGES,
    ),
    "listing-json": Target(
        "l.jsonl",
        lambda folder: read_listing(folder / "l.jsonl"),
        (
            b'{"path": "a.jpg", "labels": ["cat", "do|g"], "split": "train"}\n'
            b'{"path": "b/c.jpg", "labels": "cat|dog", "split": "val"}\n',
            b'{"image": "a.jpg", "label:cat": 1, "label:dog": null}\n{"image": "b/c.jpg", "label:cat": "?"}\n',
        ),
        (*JSON, *PATHS, b'"unknown"', b'"split"', b'"label:'),
        _IMAGES,
    ),
    "table-npz": Target(
        "t.npz",
        lambda folder: read_table(folder / "t.npz"),
        (
            _npz(features=np.eye(2), labels=np.eye(2), split=np.array(["train", "test"])),
            _npz(features=np.zeros((2, 3, 4, 4), np.uint8), labels=np.eye(2, dtype=bool), mask=np.eye(2, dtype=bool)),
        ),
        (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY", b"'descr': '|O'", b"'shape': (", b"fortran_order"),
    ),
    "npy-in-npz": Target(
        "t.npz",
        lambda folder: read_table(folder / "t.npz"),
        (_npy(np.eye(2)), _npy(np.eye(2, 3, dtype=np.uint8)), _npy(np.zeros((2, 3), ">f2")), _npy(np.array([[[1j]]]))),
        (b"'|O'", b"<f8", b"|V9", b"<U99999", b"<m8[s]", b"True", b"(2, 2)", b"99999999999999", b"-1", b"\x02\x00"),
        wrap=_with_labels,
    ),
    "table-parquet": Target(
        "t.parquet",
        lambda folder: read_table(folder / "t.parquet"),
        (
            _parquet(size=[1.5, 2], labels=["cat|dog", None], split=["train", "test"]),
            _parquet(embedding=[[1.0, 2], [3, 4]], labels=[["cat"], []], unknown=[[], ["cat"]]),
        ),
        (b"PAR1", b"labels", b"label:cat", b"split"),
    ),
    "listing-parquet": Target(
        "l.parquet",
        lambda folder: read_listing(folder / "l.parquet"),
        (
            _parquet(path=["a.jpg", "b/c.jpg"], labels=[["cat"], ["dog"]], split=["train", "val"]),
            _parquet(**{"path": ["a.jpg", "b/c.jpg"], "label:cat": [1, None], "label:dog": [True, False]}),
        ),
        (b"PAR1", b"path", *PATHS),
        _IMAGES,
    ),
    "nus-wide-labels": Target(
        "Labels_sky_Train.txt", lambda folder: read_nus_wide(folder), (b"1\n", b" 0 \r\n"), (b"1", b"0"), _NUS
    ),
    "nus-wide-list": Target(
        "ImageList/TrainImagelist.txt",
        lambda folder: read_nus_wide(folder),
        (b"b\\c.jpg\n", b"b/c.jpg\r\n"),
        (*PATHS, *TEXTS, b"b\\c.jpg"),
        {**_NUS, "Labels_sky_Train.txt": b"1\n"},
    ),
    "nus-wide-csv": Target(
        "nus_wid_data.csv",
        lambda folder: read_nus_wide(folder),
        (b"filepath,label,split_name\na.jpg,\"['sky', 'sea']\",train\nb/c.jpg,\"['sky']\",val\n",),
        (*PATHS, *TEXTS, b"['", b"']", b'"[]"', b"\\"),
        _IMAGES,
    ),
    "open-images": Target(
        "oidv6-test-annotations-human-imagelabels.csv",
        lambda folder: read_open_images(folder),
        (b"ImageID,Source,LabelName,Confidence\n00000000000000fe,verification,/m/1,1\n00000000000000fe,v,/m/2,0\n",),
        (*NUMBERS, *TEXTS, b"00000000000000fe", b"/m/2", b"Confidence"),
        _OPEN,
    ),
    "open-images-classes": Target(
        "oidv6-class-descriptions.csv",
        lambda folder: read_open_images(folder),
        (b"LabelName,DisplayName\n/m/1,Cat\n/m/2,Dog\n", b'/m/1,"Cat, big"\n/m/2,Dog\n'),
        (*TEXTS, b"/m/1", b"/m/2"),
        {
            **_OPEN,
            "oidv6-test-annotations-human-imagelabels.csv": (
                b"ImageID,LabelName,Confidence\n00000000000000fe,/m/1,1\n00000000000000fe,/m/2,1\n"
            ),
        },
    ),
}


def lay_out(target: Target, folder: Path) -> None:
    """Put the files of the data set that stay the same into a folder."""
    for name, content in {**target.others, target.file: b""}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def attempt(target: Target, folder: Path, content: bytes) -> str | None:
    """Read the data set with these bytes as the fuzzed file: None, or what our error says; any other error goes on."""
    (folder / target.file).write_bytes(target.wrap(content))
    try:
        found = target.read(folder)
    except DataError as error:
        said = str(error)
        assert len(said) < 1000, f"an error of {len(said)} characters: {said[:200]!r}"
        return said
    for data in found if isinstance(found, tuple) else (found,):
        check(data, folder)
    return None


def check(data: object, folder: Path) -> None:
    """What holds of everything that is read: samples, names that are text, and paths that stay in their folder."""
    assert len(data) > 0
    data.labels.dense([0, len(data) - 1])
    for name in data.labels.names:
        assert name.encode()
    if isinstance(data, Manifest):
        assert data.root == folder
        for path in data.paths.tolist():
            assert not set(path.split("/")) & {"", ".", ".."}
            assert not {"\0", "\\"} & set(path)
