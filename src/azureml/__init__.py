"""The v1 module names, answered by Terrazul; no logic lives here."""
