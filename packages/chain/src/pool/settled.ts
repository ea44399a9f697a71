/** Waits until all are settled, or until there is enough and a moment has passed. */
export async function settled(
  all: readonly Promise<void>[],
  facts: { readonly enough: () => boolean; readonly graceMs: number },
): Promise<void> {
  const { enough, graceMs } = facts;
  let timer: ReturnType<typeof setTimeout> | undefined;
  await new Promise<void>((resolve) => {
    let left = all.length;
    if (left === 0) resolve();
    let late = false;
    if (Number.isFinite(graceMs))
      timer = setTimeout(() => {
        late = true;
        if (enough()) resolve();
      }, graceMs);
    for (const one of all)
      void one.then(() => {
        left -= 1;
        if (left === 0 || (late && enough())) resolve();
      });
  });
  clearTimeout(timer);
}
