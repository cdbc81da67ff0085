/** The pages to offer: first, last, and those around the current one; null is a gap. */
export function pagesAround(current: number, last: number, around = 1): (number | null)[] {
  const wanted = new Set([1, last]);
  for (let page = current - around; page <= current + around; page += 1)
    if (page >= 1 && page <= last) wanted.add(page);
  // A gap of one page is no shorter than the page.
  if (current - around === 3) wanted.add(2);
  if (current + around === last - 2) wanted.add(last - 1);
  const pages: (number | null)[] = [];
  let before = 0;
  for (const page of [...wanted].sort((a, b) => a - b)) {
    if (page - before > 1) pages.push(null);
    pages.push(page);
    before = page;
  }
  return pages;
}

export function lastPage(total: number, size: number): number {
  return Math.max(1, Math.ceil(total / size));
}
