"""Pictures and ground truth of other people's data sets."""
