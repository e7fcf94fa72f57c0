"""The whole pipeline beside one plain script that does the same work."""
