"""Benchmarks: real servers, a real `signalbox serve`, and a load generator in a process of its own. Run `python -m bench`."""
