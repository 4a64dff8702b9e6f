"""What a step leaves behind: events for TensorBoard and other loggers, the log of steps, and the progress bar."""
