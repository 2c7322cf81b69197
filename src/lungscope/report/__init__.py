"""What was found about a run, as a page for people: report.html and model_card.md."""
