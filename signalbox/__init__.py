"""Signalbox: the self-hosted control room for real-time video."""

__version__ = "0.1.0"
