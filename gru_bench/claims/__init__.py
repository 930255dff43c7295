"""Claims: statement, protocol and decision rule, read from experiments/<claim>/, and what the rows say. No JAX."""
