# translink in a container: slim, not root, nothing to write to. See docs/operate.md.
#
#   docker build -t translink .
#   docker run --rm --network host --read-only --tmpfs /tmp -v ./translink.toml:/etc/translink/translink.toml:ro \
#     --log-driver local --env-file .env.externalmedia translink
ARG DEBIAN=trixie
FROM debian:${DEBIAN}-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential ca-certificates cargo python3-dev python3-venv
WORKDIR /src
COPY Cargo.toml Cargo.lock pyproject.toml README.md LICENSE THIRD-PARTY-LICENSES.txt ./
COPY rust rust
COPY python python
# EXTRAS: offline = the local engines, for those who have no keys: a recogniser (114 MB), and below the programs that
# speak, pronounce French and translate; offline,pico: five languages are spoken, too.
ARG EXTRAS=
RUN python3 -m venv /opt/translink \
    && /opt/translink/bin/pip install --no-cache-dir --disable-pip-version-check ".${EXTRAS:+[$EXTRAS]}" \
    && /opt/translink/bin/pip uninstall -y pip \
    && /opt/translink/bin/python -m compileall -q /opt/translink/lib

FROM debian:${DEBIAN}-slim
ARG EXTRAS=
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 \
        $(case ",$EXTRAS," in (*,offline,*) echo espeak-ng flite apertium-eng-spa apertium-fr-es ;; esac) \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/*
COPY --from=build /opt/translink /opt/translink
# What recordings are written to: a new volume there takes the owner.
RUN install -d -m 700 -o 12345 -g 12345 /var/lib/translink
ENV PATH=/opt/translink/bin:/usr/bin PYTHONDONTWRITEBYTECODE=1
WORKDIR /etc/translink
USER 12345:12345
# Never a shell in between: translink is the first process and gets its signals. SIGUSR1 drains.
STOPSIGNAL SIGUSR1
HEALTHCHECK --interval=20s --timeout=10s --start-period=60s CMD ["translink", "health"]
ENTRYPOINT ["translink"]
CMD ["serve"]
