# The service in a container: docker build -t clipstr . && docker run --rm -p 127.0.0.1:8000:8000 clipstr
# What runs has no compiler, no shell scripts of ours, no root, and writes nothing.

FROM python:3.12-slim AS build
ARG EXTRAS=serve,scenes
WORKDIR /source
RUN python -m venv /opt/clipstr
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
RUN /opt/clipstr/bin/pip install --no-cache-dir ".[${EXTRAS}]" && /opt/clipstr/bin/pip uninstall --yes pip

FROM python:3.12-slim
COPY --from=build /opt/clipstr /opt/clipstr
ENV PATH=/opt/clipstr/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65534:65534
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["clipstr", "serve", "--host", "0.0.0.0", "--port", "8000"]
