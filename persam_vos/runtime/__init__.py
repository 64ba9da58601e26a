"""Where computing happens, and how: devices, streams, graphs, locks, queues, pools, timers."""
