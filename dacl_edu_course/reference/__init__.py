"""Reference values that only the assignments need, by loops like those of :mod:`dacl_edu.reference`."""
