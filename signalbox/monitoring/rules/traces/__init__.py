"""Traces of other tools, told again as what the SDK would have reported: rtcstats and chrome://webrtc-internals. Pure."""
