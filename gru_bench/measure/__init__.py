"""Measurements that need JAX: speed of layers, updates and streams, memory, and the flow of gradients."""
