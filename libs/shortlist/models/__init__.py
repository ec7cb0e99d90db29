"""A kernel spread over Spark: `fit(frame, config)` gives frames."""
