"""What tools for annotation export."""
