"""What a checker finds in the paper as printed, shown beside what holds."""
