"""One file per task: what a batch is, the loss, the metrics, the samples."""
