"""Programs on a mesh of devices, start-up, memory."""
