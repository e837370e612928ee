"""Many runs from one plan: on this machine, or on as many as a Dask scheduler knows."""
