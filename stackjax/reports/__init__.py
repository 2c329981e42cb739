"""From result.json to words, tables, pictures and exports."""
