"""Everything but the screen: workers, supervisor, journal, fold and tables. It never imports the screen."""
