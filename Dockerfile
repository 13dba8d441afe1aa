# rag as a service. Models and data live in volumes: they are fetched once and survive the container.
#   docker build -t rag . && docker run -p 8000:8000 -e RAG_API_KEY=… -v rag-models:/models -v rag-data:/data rag
# Without RAG_API_KEY, make a key first: docker run --rm -v rag-data:/data rag rag keys add newsroom
FROM python:3.11-slim

# torch's index of builds without GPU parts
ARG TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONUNBUFFERED=1 RAG_MODELS=/models RAG_DATA=/data
WORKDIR /app

COPY requirements.lock requirements-torch.lock ./
RUN pip install --no-cache-dir --no-deps --require-hashes --extra-index-url "$TORCH_CPU_INDEX" \
    -r requirements.lock -r requirements-torch.lock

COPY pyproject.toml README.md LICENSE ./
COPY prompts prompts
COPY seeds seeds
COPY rag rag
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --create-home --uid 10001 rag \
    && mkdir /models /data \
    && chown rag: /models /data

USER rag
VOLUME ["/models", "/data"]
EXPOSE 8000

# The first start fetches the models (1.3 GB).
HEALTHCHECK --interval=30s --timeout=5s --start-period=10m --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]

STOPSIGNAL SIGTERM
CMD ["rag", "serve", "--host", "0.0.0.0", "--port", "8000"]
