"""One verb a file; strangers to each other."""
