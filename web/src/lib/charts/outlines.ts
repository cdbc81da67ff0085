/** Outlines of countries for a flat map. */

/**
 * A ring that crosses the 180th meridian, without the jump to the other edge of the map: it goes on beyond it. Far
 * Chukotka is so at 190° east, beside the rest of Russia. GeoJSON positions: longitude, latitude.
 */
export function unwrapped(ring: readonly (readonly number[])[]): number[][] {
  let shift = 0;
  let last: number | undefined;
  const points = ring.map(([longitude = 0, ...rest]) => {
    if (last !== undefined && longitude - last > 180) shift -= 360;
    else if (last !== undefined && last - longitude > 180) shift += 360;
    last = longitude;
    return [longitude + shift, ...rest];
  });
  // Small islands just beyond stay near what they belong to: east, where most of such a ring lies.
  const middle = points.reduce((sum, [longitude = 0]) => sum + longitude, 0) / points.length;
  return middle < -180 ? points.map(([longitude = 0, ...rest]) => [longitude + 360, ...rest]) : points;
}
