# One image for every process; what to run is the argument: see deploy/README.md.
#
#   docker build -t tempost .
#   docker run --rm --env-file tempost.env tempost dist/src/api/main.js
#
# Debian, not Alpine: Temporal's native core has no build for musl. The full image builds, the slim one runs.
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json tsconfig.client.json ./
COPY scripts scripts
COPY migrations migrations
COPY sandbox sandbox
COPY bench/processes bench/processes
COPY client client
COPY console console
COPY src src
# The provider sandbox and the benches' processes are built along, because one build makes all, and left behind.
RUN npm run build && rm -rf dist/sandbox dist/bench

FROM node:${NODE_VERSION}-bookworm AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional packages are the embedded PostgreSQL of `npm start`, and what only a build of workflows needs. Of Temporal's
# native core, which comes for five platforms, only the one of this platform stays.
RUN npm ci --omit=dev --omit=optional --ignore-scripts \
  && case "$(uname -m)" in x86_64) kept=x86_64-unknown-linux-gnu ;; aarch64) kept=aarch64-unknown-linux-gnu ;; *) exit 1 ;; esac \
  && test -d "node_modules/@temporalio/core-bridge/releases/$kept" \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$kept" -exec rm -r {} +

FROM node:${NODE_VERSION}-bookworm-slim
LABEL org.opencontainers.image.title="Tempost" \
  org.opencontainers.image.description="Durable transactional e-mail on Temporal" \
  org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY LICENSE package.json ./
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
# The operators' command line: `docker exec CONTAINER tempost status`. And a folder for attachments, for who keeps them in
# files: a new volume mounted there takes over its owner.
RUN ln -s /app/dist/src/cli/main.js /usr/local/bin/tempost \
  && install -d -o 1000 -g 1000 /var/lib/tempost/attachments
# By number, so that Kubernetes can see that it is not root. Nothing below /app belongs to it, or has to be written to.
USER 1000:1000
# No shell and no npm between: signals reach the process, and it ends in order.
ENTRYPOINT ["node", "--enable-source-maps"]
CMD ["dist/src/api/main.js"]
