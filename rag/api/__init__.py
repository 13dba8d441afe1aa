"""The HTTP service: `create_app` puts it together, `listen` and `serve` run it."""

from rag.api.app import create_app
from rag.api.serving import listen, serve, server_of

__all__ = ["create_app", "listen", "serve", "server_of"]
