"""Local analysis of texts: near duplicates, embeddings, personal data, languages, classifiers."""
