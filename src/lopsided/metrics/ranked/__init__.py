"""What rankings say: each label's order of the samples, each sample's order of the labels, how frequent labels are."""
