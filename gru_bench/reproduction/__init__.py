"""From a claim to its rows: which runs and measurements it needs, and the ones that are still to be made."""
