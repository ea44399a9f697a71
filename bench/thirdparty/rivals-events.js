// Imported by bench/events.ts through its URL, so that the rivals come from this folder's own lock file.
export { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
export { PgBoss } from 'pg-boss';
