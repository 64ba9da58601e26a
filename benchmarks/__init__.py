"""Benchmarks: one script per question; see README.md for the contract."""
