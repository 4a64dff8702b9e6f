"""Tuning: loss, its settings, learning rate, weight decay and epochs, chosen together within a budget."""
