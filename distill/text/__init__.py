"""Text in this process: near duplicates, embeddings, personal data, languages, classifiers."""
