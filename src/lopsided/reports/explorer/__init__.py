"""A page with sliders that explains the loss."""
