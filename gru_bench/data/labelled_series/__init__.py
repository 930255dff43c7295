"""Series whose held-out rows have labels, normal or anomalous: container, own files, scores, baselines."""
