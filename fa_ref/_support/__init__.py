"""What every room needs: checks at the door, arrays on disk."""
