"""Other frozen encoders than SAM's, to compare the cells of pictures by."""
