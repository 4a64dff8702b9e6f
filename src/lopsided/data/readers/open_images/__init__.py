"""Open Images V6."""
