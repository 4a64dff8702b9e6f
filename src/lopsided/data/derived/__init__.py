"""What is made of samples for training: labels hidden on purpose, prepared inputs, batches."""
