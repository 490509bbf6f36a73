"""Rows in, report out: statistics, verdict, figures and their renderings. Pure, no I/O."""
