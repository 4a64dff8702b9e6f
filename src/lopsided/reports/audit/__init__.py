"""The page on which suspected labels are decided."""
