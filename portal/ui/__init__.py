"""How it looks: one design system on which every page stands."""
