"""How work is carried out: devices, streams, graphs, locks, queues, pools, timers."""
