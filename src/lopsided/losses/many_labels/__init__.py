"""The last layer and its loss in one, for labels too many to hold their logits."""
