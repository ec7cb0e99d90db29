"""The smoothest directions of the graph of users and items, spread over Spark."""
