"""Observed WebRTC conferences: ingest, issues and the query API."""
