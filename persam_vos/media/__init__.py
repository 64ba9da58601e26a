"""Files to frames and labels, and back."""
