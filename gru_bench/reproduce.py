"""`python -m gru_bench.reproduce`: run what the claims need, and go on where an earlier call has stopped."""
