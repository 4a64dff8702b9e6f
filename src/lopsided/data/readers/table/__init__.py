"""Feature tables: CSV, Parquet, NPZ."""
