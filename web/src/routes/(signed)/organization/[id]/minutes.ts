/** Participant minutes of an app: the seconds of its days, divided by 60, rounded down. */
export function minutesOf(durations: Readonly<Record<string, number>>): number {
  return Math.floor(Object.values(durations).reduce((sum, seconds) => sum + seconds, 0) / 60);
}
