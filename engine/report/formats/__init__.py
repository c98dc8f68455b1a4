"""A report as text, Markdown, JSON and one HTML file with plots."""
