"""lopsided export RUN FILE.onnx."""

from __future__ import annotations

from pathlib import Path

from lopsided.cli.parser import Parser, file_to_write


def main(arguments: list[str]) -> int:
    """Write the file and say how to serve it."""
    parser = Parser(
        "export",
        "A run's best averaged weights as ONNX, with its labels inside, checked against PyTorch.",
        examples=("lopsided export runs/adaptive adaptive.onnx",),
    )
    parser.add_run()
    parser.add_argument("file", type=file_to_write, help="file to write, .onnx")
    parser.add_threshold()
    given = parser.parse_args(arguments)
    out = Path(given.file)
    if out.suffix != ".onnx":
        parser.error(f"expected FILE to end in .onnx, got {out.name}")

    from lopsided.inference.export import export as write
    from lopsided.training import RunFolder

    done = write(RunFolder(Path(given.run)), out, threshold=given.threshold)
    beside = "" if done.data_path is None else f" and {done.data_path}, which stay together"
    shape = ", ".join(map(str, done.input_shape))
    print(f"wrote {done.path}{beside}: {done.num_bytes / 1e6:.1f} MB")
    print(f"inputs: {done.input_type} (samples, {shape}), {done.input_meaning}")
    print(f"logits, probabilities: float32 (samples, {done.num_labels})")
    print(f"predicted: bool (samples, {done.num_labels}), probabilities above {done.threshold}")
    print(f"largest difference to PyTorch: {done.largest_difference:.1e}, on {done.checked_on}")
    print("\nto serve it, with json and onnxruntime imported:")
    print(f"  session = onnxruntime.InferenceSession({str(done.path)!r})")
    print('  labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])')
    print('  logits, probabilities, predicted = session.run(None, {"inputs": inputs})')
    return 0
