"""Series of rows in time: columns, steps, scaling, windows, tables of series."""
