"""What others take a trained run in: ONNX, folders for model hubs, and numbers for numpy."""
