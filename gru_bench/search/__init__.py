"""Search spaces, written once for random search, Optuna and W&B, and the studies that go through them; no JAX."""
