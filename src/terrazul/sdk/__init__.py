"""What users import; one module per concept, over HTTP."""
