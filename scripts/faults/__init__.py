"""What can go wrong with a run, done to real ones; `scripts/fault_harness.py` is the command."""
