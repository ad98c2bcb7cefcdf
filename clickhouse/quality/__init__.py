"""What the history must be like, held against it with Great Expectations."""
