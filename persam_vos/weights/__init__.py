"""Where weights come from, and whether they can be trusted."""
