"""Small data sets in COCO's format."""

import json

CATEGORIES = [{"id": 3, "name": "car"}, {"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}]


def instances(images, /, *, categories=CATEGORIES, **parts):
    """A file of instances; ``images`` gives, for each file name, the categories of its annotations."""
    annotations = [
        {"id": 7 * number, "image_id": 10 + row, "category_id": category, "area": 100.0, "iscrowd": 0}
        for row, names in enumerate(images.values())
        for number, category in enumerate(names)
    ]
    entries = [{"id": 10 + row, "file_name": name} for row, name in enumerate(images)]
    return {"info": {}, "images": entries, "annotations": annotations, "categories": categories, **parts}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
