"""Texts in CSV, TSV, Parquet, JSON and JSON lines."""
