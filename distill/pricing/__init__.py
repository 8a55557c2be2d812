"""Tokens × dated prices → USD as Decimal; break-even; what providers' terms say."""
