"""Damaged files, hostile options, kills, signals, full disks: ``make torture`` tries them, tests a few."""
