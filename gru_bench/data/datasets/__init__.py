"""Public data sets, prepared once as tensorflow-datasets without TensorFlow."""
