"""Files: public ones from mirror, cache or network; tables, numbers and times as people write them."""
