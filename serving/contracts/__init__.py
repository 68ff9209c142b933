"""One model behind the contracts of others, so that their clients work as they are."""
