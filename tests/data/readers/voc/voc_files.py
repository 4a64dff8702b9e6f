"""Small data sets laid out like PASCAL VOC."""


def annotation(objects):
    """The XML file of an image; ``objects`` are names, those of difficult ones ending in a question mark."""
    parts = "".join(
        f"<object><name>{name.rstrip('?')}</name><pose>Left</pose><difficult>{int(name.endswith('?'))}</difficult>"
        "<bndbox><xmin>1</xmin></bndbox><part><name>head</name><difficult>x</difficult></part></object>\n"
        for name in objects
    )
    return (
        f"<annotation>\n<filename>a.jpg</filename><source><annotation>PASCAL</annotation></source>{parts}</annotation>"
    )


def write_voc(folder, lists, objects):
    """Lists of images by name, annotations of all images in ``objects``, and image files."""
    for inner in ("ImageSets/Main", "Annotations", "JPEGImages"):
        (folder / inner).mkdir(parents=True, exist_ok=True)
    for name, images in lists.items():
        (folder / "ImageSets/Main" / f"{name}.txt").write_text("".join(f"{image}\n" for image in images))
    for image, names in objects.items():
        (folder / "Annotations" / f"{image}.xml").write_text(annotation(names))
        (folder / "JPEGImages" / f"{image}.jpg").touch()
    return folder
