"""The screens, the JSON API and the webhook doors of Goodword: everything that speaks HTTP to a person or a shop."""
