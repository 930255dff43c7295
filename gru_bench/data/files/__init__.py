"""Files: public ones from mirror, cache or network; tables, numbers and times in the many formats of user files."""
