"""What maintainers run: notebooks from their text, the rules they keep, the site, the lock file, the course demo."""
