"""Named questions about playback; plain rows or facts out."""
