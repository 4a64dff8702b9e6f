"""The loop itself: the task, its batches, its log and its checkpoints, on Lightning Fabric."""
