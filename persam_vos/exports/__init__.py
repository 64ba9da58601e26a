"""Finished runs in the formats that other tools read, and masks back from theirs."""
