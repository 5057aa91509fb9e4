# Two stages: the second has no compiler, no pip cache and no tests. Versions are those of requirements.lock.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY fedns fedns
# The lock also pins the test tools: as a constraint it fixes versions without installing what fedns does not need.
RUN python -m venv /opt/fedns \
    && /opt/fedns/bin/pip install --no-cache-dir --no-compile --constraint requirements.lock ".[speed,doh,doq]" \
    && /opt/fedns/bin/pip uninstall --yes pip \
    && /opt/fedns/bin/python -m compileall -q /opt/fedns/lib

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="fedns" \
      org.opencontainers.image.description="A DNS server for a federation of Kubernetes clusters" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/fedns /opt/fedns
# The root file system is read-only in deploy/: bytecode was written above.
ENV PATH=/opt/fedns/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 5353/udp 5353/tcp 8080/tcp 8181/tcp 9153/tcp
ENTRYPOINT ["fedns"]
CMD ["serve", "--config", "/etc/fedns/fedns.yaml"]
