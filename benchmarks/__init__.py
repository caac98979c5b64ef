"""Side by side with vdirsyncer on the same real servers, in one run: `python -m benchmarks --help`."""
