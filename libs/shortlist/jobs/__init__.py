"""The jobs, one module each: parse, open the run, call one step. Each is a program too, for spark-submit."""
