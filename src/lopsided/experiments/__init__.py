"""The laboratory: the experiments of the paper, each by one command, many settings at once.

``lopsided.experiments.grid.train_grid`` trains a grid as one batched model, ``lopsided.experiments.sweep.run_sweep``
runs a whole experiment; nothing is imported here, so that a command line reads its options at once.
"""
