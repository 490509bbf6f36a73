"""The worker: claims cohorts, has them trained by a warm child process, records what happened."""
