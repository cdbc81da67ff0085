"""What playback figures mean: pure functions, no I/O and no clock."""
