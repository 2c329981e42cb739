"""Continua of followers who plan and meet through prices: one commitment, a fixed point, a certificate."""
