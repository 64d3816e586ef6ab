"""The commands `neuralc` and `neural`, one subcommand a file."""
