"""What a script that the review allows really does: run it under strace in a throw-away place and compare."""
