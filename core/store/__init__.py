"""The truth: tables, sessions, one file of functions per table, and artifacts.

Functions take a session and never commit; `Database.write()` does, at the end of its block.
Locks are taken in one order everywhere, so that nobody waits in a circle: cohorts, jobs, runs.
"""
