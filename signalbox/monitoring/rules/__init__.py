"""Pure rules of call monitoring: states, negotiations, endings, issues, scores."""
