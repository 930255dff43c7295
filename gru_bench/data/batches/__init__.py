"""From data to batches: what a network reads in one update, in an order that is a pure function of (seed, epoch)."""
