"""What needs JAX beyond a run: how fast a recurrent layer is, and what it costs in memory."""
