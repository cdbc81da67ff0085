"""What playback does beside requests."""
