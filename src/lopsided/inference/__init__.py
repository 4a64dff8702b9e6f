"""What is done with a trained run: scores, metrics, decisions, predictions, an export, an audit."""
