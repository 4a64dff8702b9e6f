"""What is fuzzed of the layouts of published sets and of tools."""

from lopsided.data.readers.annotation_tools.cvat import read_cvat
from lopsided.data.readers.annotation_tools.fiftyone import read_fiftyone
from lopsided.data.readers.annotation_tools.label_studio import read_label_studio
from lopsided.data.readers.channels.bigearthnet import read_bigearthnet
from lopsided.data.readers.channels.protein_atlas import read_protein_atlas
from lopsided.data.readers.image_folders.imagefolder import read_imagefolder
from lopsided.data.readers.image_folders.sidecars import read_sidecars
from lopsided.data.readers.image_folders.yolo import read_yolo
from lopsided.data.readers.radiographs.chest_xray14 import read_chest_xray14
from lopsided.data.readers.radiographs.chexpert import read_chexpert
from tests.fuzz.targets import JSON, NUMBERS, PATHS, TARGETS, TEXTS, XML, Target

_PICTURES = {"data/a.jpg": b"", "data/b/c.jpg": b""}
_CVAT = (
    b'<?xml version="1.0"?>\n<annotations><meta><task><labels><label><name>cat</name><type>tag</type></label></labels>'
    b'</task></meta><image id="0" name="a.jpg" subset="Train"><tag label="cat"/></image><image id="1" name="b/c.jpg">'
    b'<box label="cat" xtl="1"><attribute name="x">y</attribute></box></image></annotations>\n'
)
_TASKS = (
    b'[{"id": 1, "data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"}, "annotations": [{"result": [{"from_name": "m", '
    b'"type": "choices", "value": {"choices": ["cat", "dog"]}}], "was_cancelled": false}]}]'
)
_TASKS_MIN = (
    b'[{"image": "a.jpg", "id": 1, "mood": {"choices": ["cat", "dog"]}}, {"image": "b/c.jpg", "id": 2, "mood": "cat"}]'
)
_SAMPLES = (
    b'{"samples": [{"filepath": "data/a.jpg", "tags": ["train"], "truth": {"_cls": "Classifications", '
    b'"classifications": [{"_cls": "Classification", "label": "cat"}]}}]}'
)
_CHEXPERT = (
    b"Path,Sex,Age,Frontal/Lateral,AP/PA,Edema,Mass\nCheXpert-v1.0/data/patient1/study1/view1_frontal.jpg,F,1,Frontal,AP,1.0,"
    b"\nCheXpert-v1.0/data/patient2/a.jpg,F,1,Lateral,,-1.0,0.0\n"
)
_PATIENTS = {"data/patient1/study1/view1_frontal.jpg": b"", "data/patient2/a.jpg": b""}
_CELLS = {f"train/{cell}_{colour}.png": b"" for cell in "ab" for colour in ("red", "green", "blue")}

LAYOUT_TARGETS = {
    "cvat": Target(
        "x.xml",
        lambda folder: read_cvat(folder / "x.xml"),
        (_CVAT, _CVAT.decode().encode("utf-16")),
        (
            *XML,
            *TEXTS,
            *PATHS,
            b"<image ",
            b"<label>",
            b"<tag ",
            b"name=",
            b"label=",
            b"subset=",
            b"<track>",
            b"<labels>",
        ),
        _PICTURES,
    ),
    "label-studio": Target(
        "x.json",
        lambda folder: read_label_studio(folder / "x.json"),
        (_TASKS, _TASKS_MIN),
        (*JSON, *PATHS, b'"choices"', b'"type"', b'"result"', b'"value"', b'"taxonomy"', b'"labels"', b"[", b"]"),
        _PICTURES,
    ),
    "fiftyone-samples": Target(
        "samples.json",
        lambda folder: read_fiftyone(folder),
        (_SAMPLES,),
        (*JSON, *PATHS, b'"_cls"', b'"Detections"', b'"tags"', b'"test"', b"[", b"]"),
        _PICTURES,
    ),
    "fiftyone-labels": Target(
        "labels.json",
        lambda folder: read_fiftyone(folder),
        (b'{"classes": ["cat", "dog"], "labels": {"a": [0, 1], "b/c": 1}}', b'{"labels": {"a": {"label": "cat"}}}'),
        (*JSON, *PATHS, b'"classes"', b'"labels"', b"-1", b"99", b"[", b"]"),
        _PICTURES,
    ),
    "sidecar-text": Target(
        "data/a.txt",
        lambda folder: read_sidecars(folder, separator=","),
        (b"cat, dog\n", b"cat\r\ndog\n"),
        (*TEXTS, b",", b"\n", b"\0"),
        _PICTURES,
    ),
    "sidecar-json": Target(
        "data/a.json",
        lambda folder: read_sidecars(folder),
        (b'{"labels": ["cat", "dog"]}', b'{"tags": {"cat": true, "dog": null}}', b'{"shapes": [{"label": "cat"}]}'),
        (*JSON, b'"labels"', b'"tags"', b'"flags"', b"[", b"]"),
        _PICTURES,
    ),
    "yolo-yaml": Target(
        "data.yaml",
        lambda folder: read_yolo(folder),
        (b"train: data\nval: other\nnc: 2\nnames: [cat, dog]\n", b"train: [data]\nnames:\n  0: cat\n  1: dog\n"),
        (
            *TEXTS,
            *PATHS,
            *NUMBERS,
            b"&a [*a, *a]",
            b"!!python/object:os.system",
            b"{",
            b"}",
            b"- ",
            b"names:",
            b"~",
            b": ",
        ),
        {**_PICTURES, "data/a.txt": b"1\n"},
    ),
    "yolo-text": Target(
        "data/a.txt",
        lambda folder: read_yolo(folder),
        (b"0 0.5 0.5 0.1 0.1\n1\n",),
        (*TEXTS, *NUMBERS, b"0", b"1", b"2", b" ", b"\n"),
        {**_PICTURES, "classes.txt": b"cat\ndog\n"},
    ),
    "imagefolder": Target(
        "data/metadata.jsonl",
        lambda folder: read_imagefolder(folder),
        (b'{"file_name": "a.jpg", "labels": ["cat"]}\n{"file_name": "b/c.jpg", "labels": []}\n',),
        (*JSON, *PATHS, b'"file_name"', b'"labels"'),
        _PICTURES,
    ),
    "chexpert": Target(
        "train.csv",
        lambda folder: (read_chexpert(folder), read_chexpert(folder, view="frontal", uncertain="positive")),
        (_CHEXPERT,),
        (*NUMBERS, *TEXTS, *PATHS, b"Path", b"-1", b"1.0", b",,", b"patient"),
        _PATIENTS,
    ),
    "chest-xray14": Target(
        "Data_Entry_2017.csv",
        lambda folder: read_chest_xray14(folder),
        (b"Image Index,Finding Labels,Patient ID\na.jpg,Mass|Hernia,1\nb.jpg,No Finding,2\n",),
        (*NUMBERS, *TEXTS, *PATHS, b"No Finding", b"|", b",,"),
        {"images_001/images/a.jpg": b"", "images/b.jpg": b""},
    ),
    "bigearthnet": Target(
        "P/P_labels_metadata.json",
        lambda folder: read_bigearthnet(folder),
        (b'{"labels": ["Pastures"], "projection": "x"}',),
        (*JSON, b'"labels"', b"[", b"]"),
        {f"P/P_{band}.tif": b"" for band in ("B02", "B03", "B04")},
    ),
    "protein-atlas": Target(
        "train.csv",
        lambda folder: read_protein_atlas(folder),
        (b"Id,Target\na,16 0\nb,25\n", b"ID,Label\na,8|0\nb,18\n"),
        (*NUMBERS, *TEXTS, *PATHS, b"Id", b"|", b" ", b"{red,green,blue}"),
        _CELLS,
    ),
}

ALL_TARGETS = {**TARGETS, **LAYOUT_TARGETS}
