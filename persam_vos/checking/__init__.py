"""What is known of a video and its masks before a long run: facts, findings, time and memory."""
