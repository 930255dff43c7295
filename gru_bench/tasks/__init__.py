"""One file per task: its batches, loss, metrics and samples."""
