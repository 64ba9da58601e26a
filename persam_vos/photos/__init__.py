"""Photos: objects learned from reference pictures and segmented in others, each by itself."""
