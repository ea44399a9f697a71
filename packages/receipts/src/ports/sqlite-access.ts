/** A statement that is ready to run. */
export interface SqliteStatement {
  /** The first row; `undefined` when there is none. */
  get(...values: Array<string | number | Uint8Array>): unknown;
  /** Runs it for its effect. */
  run(...values: Array<string | number | Uint8Array>): unknown;
}

/** An open database. */
export interface SqliteDatabase {
  /** Runs SQL; throws with SQLite's number as `errcode` when it cannot. */
  exec(sql: string): unknown;
  /** Makes a statement. */
  prepare(sql: string): SqliteStatement;
  /** Lets go of it, and of its locks. */
  close(): unknown;
}

/** The part of SQLite that is needed: `node:sqlite` is one, as it stands. */
export interface SqliteAccess {
  /** Opens a database in a file, made when absent. */
  readonly DatabaseSync: new (path: string) => SqliteDatabase;
}
