"""Where the files of a dataset lie."""
