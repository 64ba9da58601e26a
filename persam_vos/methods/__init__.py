"""Methods, each an order of the stages: what ``method`` and ``recipe`` choose."""
