"""Rules over the figures of all contexts: when they fire, when they clear, who is told."""
