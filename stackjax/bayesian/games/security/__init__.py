"""Security games: guards cover targets by chance, an attacker who has watched takes one."""
