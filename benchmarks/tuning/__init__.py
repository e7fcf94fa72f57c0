"""What a search is worth: against no search, stopped early, and started warm. On UCI Adult."""
