"""Several followers who plan where the states are too many for tables: everything is played out, and judged by samples."""
