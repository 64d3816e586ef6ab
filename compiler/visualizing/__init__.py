"""Pictures of networks: as they are written, and as they run."""
