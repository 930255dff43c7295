"""Where a run reports to while it trains: the terminal, the local metrics file and Weights & Biases."""
