/** SQLite is called experimental by some versions of Node on standard error, where tests expect nothing. */
export function quietProcess(): void {
  process.removeAllListeners('warning');
}
