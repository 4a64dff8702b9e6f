"""The page of a search: what mattered, and what was found."""
