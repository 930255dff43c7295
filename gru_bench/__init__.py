"""GRU or LSTM? Fair, resumable, tracked comparisons of recurrent cells."""
