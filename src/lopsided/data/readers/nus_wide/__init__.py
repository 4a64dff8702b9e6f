"""NUS-WIDE."""
