"""What stands beside the metrics of an evaluation: rankings, and how far its numbers can be believed."""
