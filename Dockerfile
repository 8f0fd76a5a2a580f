# syntax=docker/dockerfile:1
# docker build -t pbx . && docker run --network host -v pbx:/var/lib/pbx pbx
# Host networking, because SIP and RTP name addresses and use thousands of UDP ports.

FROM node:26-bookworm-slim AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends binutils g++ \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM debian:bookworm-slim
# ca-certificates: for TLS to others. iproute2: ss, which error messages name.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates iproute2 libatomic1 libstdc++6 \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --system --gid 10500 pbx \
  && useradd --system --uid 10500 --gid pbx --home-dir /var/lib/pbx --shell /usr/sbin/nologin pbx \
  && install -d -o pbx -g pbx -m 0750 /var/lib/pbx \
  && install -d -o pbx -g pbx -m 0700 /var/cache/pbx
COPY --from=build /src/dist/pbx /usr/bin/pbx
USER pbx
# The program unpacks its add-ons here.
ENV XDG_CACHE_HOME=/var/cache/pbx
VOLUME /var/lib/pbx
EXPOSE 5060/udp 5060/tcp 5061/tcp 8887/tcp 8888/tcp 35000-35999/udp
# Exit code 0 only when the store, the SIP sockets and the media worker all answer.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["/usr/bin/pbx", "status", "--data", "/var/lib/pbx"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/pbx", "--data", "/var/lib/pbx"]
