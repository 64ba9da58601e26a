"""One clip from its frames to its labels: the engine, the plan, the step, the propagation."""
