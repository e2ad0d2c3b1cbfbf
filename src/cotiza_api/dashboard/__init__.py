"""Pages for people. Everything they need is served from here; nothing is fetched from elsewhere."""
