"""What a network consists of, in figures: shapes, parameters, work, memory of each layer."""
