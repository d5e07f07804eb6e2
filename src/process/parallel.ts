/** Does something for 0 … count − 1, so many at a time. */
export async function inParallel(count: number, width: number, each: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < count) await each(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, work));
}
