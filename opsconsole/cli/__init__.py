"""Door 1: the command line. One module per command; `output` owns stdout, `diagnostics` owns stderr."""
