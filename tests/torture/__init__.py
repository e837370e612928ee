"""What must not break anything: damaged files, hostile options, kills, signals, full disks. ``make torture`` tries all."""
