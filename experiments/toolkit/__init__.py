"""What the experiments share: settings, training runs, intervals, pictures, and how results are written."""
