"""Common Media Client Data (CTA-5004 version 1, CTA-5004-B version 2): lines of players, and the session that they tell."""
