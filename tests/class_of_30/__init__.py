"""A class of 30 that hands in assignment 2: right, wrong, damaged, hostile; see ``tools/course_demo.py``."""
