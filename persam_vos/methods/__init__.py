"""One order of the stages a file: what ``method`` and ``recipe`` choose."""
