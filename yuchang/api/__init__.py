"""The window for machines: tokens with scopes, OpenAPI, webhooks out."""
