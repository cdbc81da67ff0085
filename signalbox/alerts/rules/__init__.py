"""Pure rules of alerts: tests of figures against their past, when an alert opens and closes, what is written about it."""
