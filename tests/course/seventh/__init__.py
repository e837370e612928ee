"""Triplet-center loss with attention: a seventh assignment, as an instructor adds it by docs/instructor.md."""
