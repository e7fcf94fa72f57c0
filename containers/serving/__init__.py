"""What answers requests: raw rows in, probabilities and decisions out, with the flow and the model of one archive."""
