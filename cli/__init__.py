"""The persam-vos command line: parse, call, print."""
