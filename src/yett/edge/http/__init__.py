"""HTTP/1.1 on a plain asyncio protocol: llhttp parses, we bound."""
