"""Who is held back: stratified shares and folds, with groups kept together."""
