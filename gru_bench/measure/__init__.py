"""What needs JAX beyond a run: how fast layers, updates and streams are, what they hold, how gradients flow."""
