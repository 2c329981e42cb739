"""What a result is worth: certificates, optima, evaluation."""
