# docker build .                              runs on any x86-64 processor with AVX2, or any ARMv8
# docker build --build-arg PORTABLE=OFF .     runs on this processor's kind only, and faster

FROM python:3.11.14-slim-bookworm AS builder
ARG PORTABLE=ON
ARG TORCH_INDEX=
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY LICENSE Makefile README.md pyproject.toml requirements.lock requirements-dev.lock ./
COPY installation/ installation/
RUN make runtime PORTABLE="$PORTABLE" TORCH_INDEX="$TORCH_INDEX" CACHE=/tmp/frontdesk PYTHON=python3.11

FROM python:3.11.14-slim-bookworm
# libgomp1 is what llama.cpp's threads need.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/frontdesk frontdesk \
    && install --directory --owner=frontdesk --group=frontdesk \
        /var/cache/frontdesk /var/lib/frontdesk
WORKDIR /app
COPY --from=builder /app/.venv/ .venv/
COPY LICENSE pyproject.toml ./
COPY agent/ agent/
COPY api/ api/
COPY articles/ articles/
COPY clients/desk/ clients/desk/
COPY clients/widget/dist/ clients/widget/dist/
COPY commands/ commands/
COPY evals/ evals/
COPY knowledge_base/ knowledge_base/
COPY prompts/ prompts/
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FRONTDESK_CACHE=/var/cache/frontdesk \
    FRONTDESK_DATA=/var/lib/frontdesk \
    FRONTDESK_HOST=0.0.0.0
USER 10001:10001
VOLUME ["/var/cache/frontdesk", "/var/lib/frontdesk"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["frontdesk"]
CMD ["serve"]
