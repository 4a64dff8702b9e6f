"""lopsided export RUN FILE.onnx, or a folder for a model hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lopsided.cli.parser import Parser, file_to_write


def main(arguments: list[str]) -> int:
    """Write the file or the folder and say how to serve it."""
    parser = Parser(
        "export",
        "A run's best averaged weights as ONNX, with its labels inside, checked against PyTorch; as a folder that timm "
        "or transformers reads, with tags, thresholds and a model card; or, of words, as numbers for numpy.",
        examples=(
            "lopsided export runs/adaptive adaptive.onnx",
            "lopsided export runs/adaptive half.onnx --float16",
            "lopsided export runs/photos published --format hub --push me/photos",
            "lopsided export runs/packages words --format words",
        ),
    )
    parser.add_run()
    parser.add_argument("file", type=file_to_write, help="file to write, .onnx; with the other formats a folder")
    parser.add_argument("--format", choices=("onnx", "hub", "words"), default="onnx", help="what to write")
    parser.add_argument("--push", metavar="NAME", help="with --format hub: upload the folder to this repository")
    parser.add_argument(
        "--float16", action="store_true", help="with --format onnx: the network in float16, half the size"
    )
    parser.add_threshold()
    given = parser.parse_args(arguments)
    out = Path(given.file)
    if given.float16 and given.format != "onnx":
        parser.error(f"expected --float16 with --format onnx, got it with --format {given.format}")
    if given.format == "hub":
        return _hub(given, out)
    if given.push is not None:
        parser.error(f"expected --push with --format hub, got --format {given.format} and --push {given.push}")
    if given.format == "words":
        return _words(given, out)
    if out.suffix != ".onnx":
        parser.error(f"expected FILE to end in .onnx, got {out.name} (--format hub writes a folder)")
    return _onnx(given, out)


def _hub(given: Any, out: Path) -> int:
    from lopsided.inference.exports.hub_folder import push, write_hub_folder
    from lopsided.runs.folder import RunFolder

    done = write_hub_folder(RunFolder(Path(given.run)), out, threshold=given.threshold)
    print(f"wrote {done.path}: {', '.join(done.files)}")
    print(f"architecture: {done.architecture}; largest difference of a logit there: {done.largest_difference:.1e}")
    print(f"counts of tags: {done.counted_on}")
    print("\nto load it:")
    print(f"  {done.load}")
    if given.push is not None:
        print(f"\nuploaded to {push(out, given.push)}")
    return 0


def _words(given: Any, out: Path) -> int:
    from lopsided.inference.exports.word_folder import write_word_folder
    from lopsided.runs.folder import RunFolder

    done = write_word_folder(RunFolder(Path(given.run)), out, threshold=given.threshold)
    print(f"wrote {done.path}: {', '.join(done.files)}, {done.num_bytes / 1e6:.1f} MB")
    print(f"{done.num_terms:,} terms, {done.num_labels:,} labels, predicted above {done.threshold}")
    print("\nREADME.md has the lines that apply it with numpy alone")
    return 0


def _onnx(given: Any, out: Path) -> int:
    from lopsided.inference.exports.onnx_file import export as write
    from lopsided.runs.folder import RunFolder

    done = write(RunFolder(Path(given.run)), out, threshold=given.threshold, float16=given.float16)
    beside = "" if done.data_path is None else f" and {done.data_path}, which stay together"
    shape = ", ".join(map(str, done.input_shape))
    print(f"wrote {done.path}{beside}: {done.num_bytes / 1e6:.1f} MB")
    print(f"inputs: {done.input_type} (samples, {shape}), {done.input_meaning}")
    print(f"logits, probabilities: float32 (samples, {done.num_labels})")
    print(f"predicted: bool (samples, {done.num_labels}), probabilities above {done.threshold}")
    print(f"largest difference to PyTorch: {done.largest_difference:.1e}, on {done.checked_on}")
    if given.float16:
        print(f"in float16 logits may differ by {done.tolerance:g}, large ones by that share of the largest")
        print(f"predicted otherwise than in float32: {done.changed} labels that were checked")
    print("\nto serve it, with json and onnxruntime imported:")
    print(f"  session = onnxruntime.InferenceSession({str(done.path)!r})")
    print('  labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])')
    print('  logits, probabilities, predicted = session.run(None, {"inputs": inputs})')
    return 0
