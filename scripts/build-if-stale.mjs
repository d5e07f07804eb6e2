// Loaded with `node --import` before whatever runs dist/: builds it first when its sources have changed.
import { buildIfStale } from './dist.mjs';

if (!buildIfStale()) process.exit(1);
