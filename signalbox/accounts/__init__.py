"""Organizations, users, applications, API keys, tokens and the dashboard's login."""
