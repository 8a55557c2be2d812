"""What tests share: ways of starting and finishing things that would take each of them seconds."""
