"""What the sections about training may say: losses, optimizers, schedules, metrics, settings."""
