# One image for the migration and all four processes; compose says which of them a container runs.
FROM node:22.21.1-bookworm-slim AS base
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

FROM base AS build
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM base AS production-dependencies
# No package that runs in production needs an install script.
RUN npm ci --omit=dev --ignore-scripts

FROM node:22.21.1-bookworm-slim
# Temporal's core reads certificates from the system, and the slim image has none.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV NODE_ENV=production WORKFLOW_BUNDLE=/app/dist/workflow-bundle.js
COPY --from=production-dependencies /app/node_modules node_modules
COPY --from=build /app/package.json package.json
COPY --from=build /app/dist dist
USER node
# Replaced by each service's command; alone, the image tells what to do.
CMD ["node", "-e", "console.error('name an entry point, such as: node dist/api/command.main.js'); process.exit(2)"]
