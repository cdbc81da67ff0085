/** A tiny line without axes, as the path of an SVG. */
export function sparkPath(
  values: readonly (number | null)[],
  width: number,
  height: number,
  { min, max, pad = 1.5 }: { min?: number | undefined; max?: number | undefined; pad?: number } = {},
): string {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (known.length === 0) return "";
  const low = min ?? Math.min(...known);
  const high = Math.max(max ?? Math.max(...known), low);
  const x = (at: number): number => (values.length < 2 ? width / 2 : (at / (values.length - 1)) * width);
  const y = (value: number): number =>
    high === low ? height / 2 : height - pad - ((value - low) / (high - low)) * (height - 2 * pad);
  let path = "";
  let down = false;
  values.forEach((value, at) => {
    if (value === null || !Number.isFinite(value)) {
      down = false;
      return;
    }
    path += `${down ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    down = true;
  });
  return path;
}
