"""Tasks, data and a cell that live outside gru_bench, one file each."""
