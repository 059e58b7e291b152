"""Plans as proposals; an approved plan is applied through other rooms' actions."""
