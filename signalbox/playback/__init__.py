"""Player sessions: what a viewer of a video felt, reported by Media3Watch's SDK and by CMCD."""
