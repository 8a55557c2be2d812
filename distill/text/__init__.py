"""Analysis of texts on this machine: duplicates, embeddings, personal data and classifiers."""
