"""The same layer in other libraries; each file imports its library, and is itself imported only to be timed."""
