"""One run into a folder: from a request to its results."""
