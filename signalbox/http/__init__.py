"""Manners shared by all HTTP doors: bodies, error dialects, CORS, paging."""
